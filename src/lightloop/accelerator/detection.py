"""What becomes of light on a detector: photons, charge noise, effective bits. Formulas over a machine's quantities.

With n photons detected for each multiply-accumulate, shot noise alone gives SNR = g n, and thermal charge of s
electrons for each readout of L multiply-accumulates alone gives h n^2 / (r s^2 / L): g and h are what the machine's
detection makes of a photon (`[link.detection]`; both are `snr_per_photon` if it does not say), r the readouts of one
number, two where a signed operand takes two passes of positive light. Together

    1 / SNR = 1 / (g n) + t / (h n^2),   t = r s^2 / L;    b bits need SNR = 1.5 * 4^b

(a full-scale sine against quantisation noise). Formula: the balanced detector of Hamerly et al., PRX 9, 021032 (2019),
with a second, constant noise. The other noises are told in `lightloop.accelerator.receiver`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.accelerator.formulas import FUNCTIONS, formula
from lightloop.accelerator.schema import Link
from lightloop.units import BOLTZMANN_J_PER_K, ELEMENTARY_CHARGE_C, db_to_ratio, photon_energy_j


def snr_for_bits(bits: Any) -> Any:
    """Power signal-to-noise ratio of `bits` effective bits, 1.5 * 4^bits."""
    return 1.5 * 4.0**bits


@dataclass(frozen=True)
class Worth:
    """What a detected photon per multiply-accumulate is worth: against shot noise, and as thermal noise's signal."""

    shot: Any
    thermal: Any


def worth(link: Link, quantities: Mapping[str, Any]) -> Worth:
    """The worth of a photon on a machine with this `[link]` table."""
    if link.detection is None:
        best = formula(link.snr_per_photon)(quantities)
        return Worth(best, best)
    return Worth(formula(link.detection.shot)(quantities), formula(link.detection.thermal)(quantities))


def photons_for_snr(snr: Any, shot_worth: Any, thermal_photons: Any = 0.0) -> Any:
    """Detected photons per multiply-accumulate for a power SNR, n = (S + sqrt(S^2 + 4 S t)) / 2 with S = SNR / g.

    Args:
        snr: What is to be reached.
        shot_worth: g.
        thermal_photons: Photons whose shot noise would be as large as the thermal noise, t g / h.
    """
    needed = snr / shot_worth
    return (needed + FUNCTIONS["sqrt"](needed**2 + 4 * needed * thermal_photons)) / 2


def detector_power_w(link: Link, quantities: Mapping[str, Any]) -> Any:
    """Light that one detector pair must receive for `bits` bits above shot and thermal noise, in W."""
    q, of = quantities, worth(link, quantities)
    photons = photons_for_snr(snr_for_bits(q["bits"]), of.shot, thermal_photons(q) * of.shot / of.thermal)
    energy = photon_energy_j(q["laser.wavelength"] * 1e6) / q["receiver.quantum_efficiency"]
    return photons * energy * q["wavelengths"] * q["clock"]


def effective_bits(noise_to_signal: Any) -> Any:
    """Bits b for which a full-scale sine rounded to b bits has that noise, SNR = 1.5 * 4^b; infinite without noise."""
    with np.errstate(divide="ignore"):
        return -0.5 * np.log2(1.5 * np.asarray(noise_to_signal, dtype=float))[()]


def detected_photons_per_mac(received_w: Any, quantities: Mapping[str, Any]) -> Any:
    """Photoelectrons of one product when a detector pair receives `received_w`."""
    q = quantities
    photon_j = photon_energy_j(q["laser.wavelength"] * 1e6)
    return q["receiver.quantum_efficiency"] * received_w / (photon_j * q["clock"] * q["wavelengths"])


def readout_products(quantities: Mapping[str, Any]) -> Any:
    """Products of one readout: those of a cycle, of all cores on the amplifier, over the accumulation.

    `share_adc` of the machine's file tells how many cores add their currents; one where it does not say.
    """
    return quantities["wavelengths"] * quantities.get("share_adc", 1) * quantities["accumulation"]


def thermal_electrons(quantities: Mapping[str, Any]) -> Any:
    """Noise charge of one readout, rms, in electrons: the amplifier's over the accumulation, and the capacitor's."""
    q = quantities
    amplifier = q["receiver.tia_noise"] ** 2 * q["accumulation"] / q["clock"] / 2
    capacitor = BOLTZMANN_J_PER_K * q["receiver.temperature"] * q["receiver.capacitor"]
    return np.sqrt(amplifier + capacitor) / ELEMENTARY_CHARGE_C


def thermal_photons(quantities: Mapping[str, Any]) -> Any:
    """r s^2 / L: thermal charge squared for each product, over all readouts of one number."""
    return quantities["readouts"] * thermal_electrons(quantities) ** 2 / readout_products(quantities)


def intensity_noise(snr_per_photon: Any, quantities: Mapping[str, Any]) -> Any:
    """Noise over signal by the laser's intensity fluctuation, common to all channels, behind a balanced pair."""
    q = quantities
    bandwidth_hz = q["clock"] / 2
    mismatch = 1 / db_to_ratio(q["receiver.rejection"])
    return db_to_ratio(q["receiver.rin"]) * bandwidth_hz * (1 + q["wavelengths"] / snr_per_photon * mismatch)


def adc_enob(quantities: Mapping[str, Any]) -> Any:
    """Effective bits that the converter's energy buys, log2(energy per conversion / Walden figure)."""
    q = quantities
    if "adc_power" not in q:
        return np.inf
    return np.log2(q["adc_power"] / q["clock"] / q["receiver.walden"])


def dispersion_noise(quantities: Mapping[str, Any]) -> Any:
    """Noise over signal by the couplers of a dot-product core, for uniform operands: 2/5 of the mean square imbalance.

    The imbalance is the slope times the channel's number, counted from the middle of the comb: +-1, +-2, ... for an
    even number of channels, 0, +-1, ... for an odd one.
    """
    q = quantities
    channels = np.asarray(q["wavelengths"], dtype=float)
    even = (channels / 2 + 1) * (channels + 1) / 6
    odd = (channels**2 - 1) / 12
    mean_square = np.where(channels % 2 == 0, even, odd)[()]
    return 0.4 * q["receiver.imbalance_per_channel"] ** 2 * mean_square
