"""Photonic devices: couplers, the optical dot product, noise. Numpy; torch only where noise is drawn."""

from __future__ import annotations

from lightloop.optics.coupler import coupling_imbalance, coupling_length_um, power_coupling, wdm_grid_um
from lightloop.optics.dot_product import DdotFields, ddot, ddot_closed_form, ddot_fields, phase_moments
from lightloop.optics.noise import Noise, NoiseDraws, active_noise

__all__ = [
    "DdotFields",
    "Noise",
    "NoiseDraws",
    "active_noise",
    "coupling_imbalance",
    "coupling_length_um",
    "ddot",
    "ddot_closed_form",
    "ddot_fields",
    "phase_moments",
    "power_coupling",
    "wdm_grid_um",
]
