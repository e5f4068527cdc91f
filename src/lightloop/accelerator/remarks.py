"""What to say of a design whose bits, light or converters are not what its figures suggest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightloop.accelerator.detection import effective_bits, snr_for_bits
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.receiver import Receiver

NAMES = {
    "shot": "shot noise",
    "thermal": "thermal noise of the receiver",
    "intensity": "intensity noise of the laser",
    "adc": "the converter",
    "dispersion": "dispersion of the couplers",
}
# Light that is this many times what shot noise asks for is worth a word.
AMPLE = 4.0


def remarks(machine: Machine, found: Receiver) -> tuple[str, ...]:
    """Sentences on one design's receiver, the most important first."""
    return tuple(text for remark in REMARKS for text in [remark(machine, found)] if text)


def _verdict(machine: Machine, found: Receiver) -> str:
    total = found.enob["total"]
    worst = max(found.noise_to_signal, key=lambda name: found.noise_to_signal[name])
    verb = "are there" if found.feasible else "are not there"
    return (
        f"the {machine.bits} bits claimed {verb}, for operands at full scale and a sine that fills the converter: all "
        f"noises together leave {total:.2f}, and {NAMES[worst]} takes most ({found.enob[worst]:.2f} bits alone)"
    )


def _converter(machine: Machine, found: Receiver) -> str:
    q = machine.quantities
    if "adc_power" not in q:
        return "the machine's file defines no adc_power, so its converter is taken as ideal"
    if found.adc_enob >= machine.bits:
        return ""
    energy_pj = q["adc_power"] / q["clock"] * 1e12
    return (
        f"the ADC delivers {found.adc_enob:.1f} effective bits, {machine.bits} are claimed: it spends "
        f"{energy_pj:.3g} pJ per conversion, at {q['receiver.walden'] * 1e15:g} fJ per conversion-step"
    )


def _rounding(machine: Machine, found: Receiver) -> str:
    """A full-scale sine has half the square of full scale as power, data of loading L one over L squared."""
    loss = effective_bits(found.adc_loading**2 / 2 / 1.5)
    return (
        f"data that fill the converter to {found.adc_loading:g} times their rms lose {-loss:.1f} more bits "
        f"there than a full-scale sine"
    )


def _light(machine: Machine, found: Receiver) -> str:
    bits = found.enob["shot"]
    needed = snr_for_bits(machine.bits) * found.noise_to_signal["shot"]
    light = f"light: {bits:.2f} bits by shot noise, from {found.photons_per_mac:.4g} detected photons per MAC"
    if needed > 1:
        return f"{light}; {machine.bits} bits would need {needed:.3g} times more"
    return f"{light}; {1 / needed:.3g} times what {machine.bits} bits need" if needed * AMPLE < 1 else light


def _thermal(machine: Machine, found: Receiver) -> str:
    noise = found.noise_to_signal
    if noise["thermal"] <= noise["shot"]:
        return ""
    return (
        f"thermal noise is {noise['thermal'] / noise['shot']:.3g} times shot noise at this light: "
        f"{found.thermal_electrons:.4g} electrons rms per readout of {found.readout_products:g} products; "
        "less light costs SNR by its square"
    )


def _waveguide(machine: Machine, found: Receiver) -> str:
    """The light of one core starts in one waveguide."""
    light, most = machine.link.laser_optical_w, machine.quantities["receiver.waveguide_power"]
    if light <= most:
        return ""
    return (
        f"one core's light is {light * 1e3:.3g} mW: silicon absorbs two photons at once from about {most * 1e3:.3g} mW "
        "in a waveguide, so it must be shared among waveguides before it enters the chip; that is not in the area"
    )


def _comb(machine: Machine, found: Receiver) -> str:
    channels, most = machine.quantities["wavelengths"], machine.quantities["receiver.comb_channels"]
    if machine.file.onn_core != "dot" or channels <= most:
        return ""
    return f"{channels:g} channels are more than one free spectral range holds ({most:g}); dispersion is extrapolated"


def _encoding(machine: Machine, found: Receiver) -> str:
    if found.encoding_enob >= machine.bits:
        return ""
    error = machine.quantities["receiver.encoding_error"]
    return (
        f"the {error:.0%} encoding error that the published accuracy model assumes leaves "
        f"{found.encoding_enob:.1f} bits by itself; it is not in the total"
    )


REMARKS: tuple[Callable[[Machine, Receiver], Any], ...] = (
    _verdict, _converter, _light, _thermal, _waveguide, _comb, _rounding, _encoding,
)  # fmt: skip
