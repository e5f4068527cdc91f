"""Photons that a dot product needs: shot noise and the receiver's thermal noise.

With n photons detected for each multiply-accumulate, shot noise alone gives SNR = g n, g being what one photon is
worth on the machine (`snr_per_photon`). Thermal charge of sigma electrons for each readout of L multiply-accumulates
adds noise like t = sigma^2 / L further photons would:

    SNR = g n^2 / (n + t),    b bits need SNR = 1.5 * 4^b  (a full-scale sine against quantisation noise)

so n = (S + sqrt(S^2 + 4 S t)) / 2 with S = 1.5 * 4^b / g. Formula: the balanced detector of Hamerly et al., PRX 9,
021032 (2019), with a second, constant noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightloop.accelerator.formulas import FUNCTIONS, formula
from lightloop.units import photon_energy_j


def snr_for_bits(bits: Any) -> Any:
    """Power signal-to-noise ratio of `bits` effective bits, 1.5 * 4^bits."""
    return 1.5 * 4.0**bits


def photons_for_snr(snr: Any, snr_per_photon: Any, thermal_photons: Any = 0.0) -> Any:
    """Detected photons per multiply-accumulate for a power SNR, with `thermal_photons` = sigma^2 / L of noise."""
    needed = snr / snr_per_photon
    return (needed + FUNCTIONS["sqrt"](needed**2 + 4 * needed * thermal_photons)) / 2


def detector_power_w(snr_per_photon: str, quantities: Mapping[str, Any]) -> Any:
    """Light that one detector pair must receive for `bits` bits, in W: n photons for each of its products."""
    photons = photons_for_snr(
        snr_for_bits(quantities["bits"]), formula(snr_per_photon)(quantities), quantities.get("thermal_photons", 0.0)
    )
    energy = photon_energy_j(quantities["laser.wavelength"] * 1e6)
    detected = quantities.get("receiver.quantum_efficiency", 1.0)
    return photons * energy / detected * quantities["wavelengths"] * quantities["clock"]
