"""What a machine's receiver adds to a detected number: light, amplifier, converter and couplers as noise.

One detector pair receives P watts at full scale, that is N = eta P T / (h nu) photoelectrons in a clock period T, or
n = N / K for each of the K products that it sums. A readout collects L = K * cores * accumulation products on one
capacitor. With g and h what a photon is worth against shot and thermal noise and r the readouts of one number
(`lightloop.accelerator.detection`), the noise over the signal, both as powers, is

    shot        1 / (g n)                              Poisson statistics of both detectors
    thermal     r s^2 / (h L n^2)                      s^2 = i^2 A T / (2 q^2) + k T_K C / q^2   electrons squared
    intensity   R / (2 T) * (1 + e^2 K / g)            the laser's own fluctuation, R its density
    adc         r / (1.5 * 4^ENOB)                     2^ENOB = energy per conversion / Walden figure
    dispersion  2/5 mean(d^2)                          d the imbalance of the coupler on each channel, uniform operands

for i the amplifier's noise current (one-sided), A the cycles of accumulation, C the capacitor. Charge noise over a time
t is that of a bandwidth 1 / (2 t). The powers add, and bits count as SNR = 1.5 * 4^bits.

Full scale means: every operand has full amplitude and a random sign, the case that floors are quoted for. The signal is
then N sqrt(g / K) electrons in a cycle, not N: a same-sign sum would be K / g times stronger in power. Data of rms
amplitude a < 1 receive a^2 of the light and, against thermal noise, a^4 of the SNR; `lightloop.onn` computes that
from the data themselves, with the arguments that `noise_arguments` hands over.

Balanced detection cancels the fluctuation of the common light but not that of the signal, which is as proportional to
the laser's power; e = 10^(-rejection / 20) is what the pair's mismatch leaves of the first.

Sources: shot noise after Hamerly et al., PRX 9, 021032 (2019); Walden, IEEE JSAC 17, 539 (1999); the others are the
textbook formulas of a photoreceiver. Every figure is an array where the machine's quantities are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.accelerator.detection import (
    adc_enob,
    detected_photons_per_mac,
    dispersion_noise,
    effective_bits,
    intensity_noise,
    readout_products,
    thermal_electrons,
    thermal_photons,
    worth,
)
from lightloop.units import db_to_ratio

if TYPE_CHECKING:  # a machine's light may depend on its receiver, so this module stands below
    from lightloop.accelerator.machine import Machine

DISPERSIVE_CORE = "dot"


@dataclass(frozen=True)
class Receiver:
    """The receiver of a machine at its operating point.

    Args:
        bits: Resolution that the machine claims.
        received_w: Light on one detector pair at full scale, in W.
        photons_per_mac: Photons detected for each multiply-accumulate at full scale.
        readout_products: Products whose charge is summed before one conversion.
        thermal_electrons: Amplifier and capacitor noise of one readout, rms, in electrons.
        adc_enob: Effective bits of the converter for a full-scale sine, by its energy; infinite where the machine's
            file defines no `adc_power`.
        adc_loading: Full scale of the converter over the rms of what it converts.
        noise_to_signal: Contribution -> noise power over signal power at full scale.
        encoding_noise_to_signal: The same of the operands' encoding, as the published noise model assumes it.
    """

    bits: Any
    received_w: Any
    photons_per_mac: Any
    readout_products: Any
    thermal_electrons: Any
    adc_enob: Any
    adc_loading: Any
    noise_to_signal: Mapping[str, Any]
    encoding_noise_to_signal: Any

    @property
    def enob(self) -> dict[str, Any]:
        """Effective bits by contribution, and those of the sum of all noises as "total"."""
        total = sum(self.noise_to_signal.values())
        return {name: effective_bits(ratio) for name, ratio in (*self.noise_to_signal.items(), ("total", total))}

    @property
    def encoding_enob(self) -> Any:
        """Effective bits that the encoding of the operands leaves."""
        return effective_bits(self.encoding_noise_to_signal)

    @property
    def feasible(self) -> Any:
        """Whether all noises together leave the bits that are claimed.

        The rounding of the converter to those very bits is the claim itself, and no noise.
        """
        return self.enob["total"] >= self.bits

    def noise_arguments(self) -> dict[str, Any]:
        """Arguments of `lightloop.optics.Noise` for this receiver, for a machine of one design.

        `output` is the laser's fluctuation: what the receiver does by physics takes the place of the published model's
        lump of 5 %. `magnitude` and `phase_deg` belong to the operands and keep their defaults.
        """
        finite_adc = np.isfinite(self.adc_enob)
        return {
            "output": float(np.sqrt(self.noise_to_signal["intensity"])),
            "photons": float(self.photons_per_mac),
            "thermal_electrons": float(self.thermal_electrons),
            "readout_products": int(self.readout_products),
            "adc_bits": float(min(self.bits, self.adc_enob)) if finite_adc else np.inf,
            "adc_loading": float(self.adc_loading),
        }


def receiver(machine: Machine) -> Receiver:
    """The receiver of `machine`: what its light, amplifiers, converters and couplers leave of a number."""
    q = machine.quantities
    of = worth(machine.file.link, q)
    received = machine.link.laser_optical_w / db_to_ratio(machine.link.insertion_loss_db) / machine.link.split
    photons = detected_photons_per_mac(received, q)
    enob = adc_enob(q)
    dispersive = machine.file.onn_core == DISPERSIVE_CORE
    with np.errstate(divide="ignore"):
        noise = {
            "shot": np.divide(1.0, of.shot * photons),
            "thermal": thermal_photons(q) / of.thermal * np.divide(1.0, photons) ** 2,
            "intensity": intensity_noise(of.shot, q),
            "adc": q["readouts"] / (1.5 * 4.0**enob),
            "dispersion": dispersion_noise(q) if dispersive else 0.0,
        }
    return Receiver(
        bits=q["bits"],
        received_w=received,
        photons_per_mac=photons,
        readout_products=readout_products(q),
        thermal_electrons=thermal_electrons(q),
        adc_enob=enob,
        adc_loading=q["receiver.adc_loading"],
        noise_to_signal=noise,
        encoding_noise_to_signal=2 * q["receiver.encoding_error"] ** 2,
    )
