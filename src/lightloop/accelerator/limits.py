"""The physical floor under a machine's energy.

Light: a dot product of b-bit operands needs a power signal-to-noise ratio of 1.5 * 4^b (a full-scale sine against
quantisation noise). For random-sign operands the shot-noise SNR of a balanced detector equals the photons detected
per multiply-accumulate, whatever the vector's length (derived from Hamerly et al., PRX 9, 021032 (2019)), so

    E_light = 1.5 * 4^b / g * h nu * 10^(IL / 10) / wall-plug efficiency      per multiply-accumulate

with g the SNR that one photon per multiply-accumulate gives on the machine: 1 for balanced detection of dot products,
4 k in a coherent mesh, where all k inputs of an output interfere.

Converters: the kT/C noise of a sampling capacitor at b bits costs at least 12 kT * 4^b per encoding or conversion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightloop.accelerator.formulas import formula
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.mapping import Mapped
from lightloop.units import BOLTZMANN_J_PER_K, db_to_ratio, photon_energy_j

TEMPERATURE_K = 300.0


@dataclass(frozen=True)
class Floor:
    """Least energy for a workload, in J: light at the plug, operand encodings, conversions."""

    light_j: float
    encoding_j: float
    conversion_j: float

    @property
    def total_j(self) -> float:
        """Sum of the three."""
        return self.light_j + self.encoding_j + self.conversion_j


def light_energy_per_mac_j(machine: Machine) -> float:
    """Shot-noise energy of one multiply-accumulate at the laser's plug, through the machine's losses, in J."""
    q = machine.quantities
    photons = 1.5 * 4.0**machine.bits / formula(machine.file.link.snr_per_photon)(q)
    photon_j = photon_energy_j(q["laser.wavelength"] * 1e6)
    return photons * photon_j * db_to_ratio(machine.link.insertion_loss_db) / q["laser.wall_plug_efficiency"]


def converter_energy_j(bits: int) -> float:
    """Thermal-noise energy of one b-bit sample, 12 kT 4^b, in J."""
    return 12 * BOLTZMANN_J_PER_K * TEMPERATURE_K * 4.0**bits


def energy_floor(machine: Machine, mapped: Mapped, repeats: np.ndarray) -> Floor:
    """The floor of a mapped workload.

    Args:
        machine: The machine.
        mapped: Its events, arrays of shape (products,).
        repeats: How often each product runs, shape (products,).
    """
    e = mapped.events
    sample_j = converter_energy_j(machine.bits)
    macs = float(np.sum(repeats * e["heads"] * e["m"] * e["k"] * e["n"]))
    encodings = float(np.sum(repeats * (e["encodings_1"] + e["encodings_2"])))
    conversions = float(np.sum(repeats * e["conversions"]))
    return Floor(macs * light_energy_per_mac_j(machine), encodings * sample_j, conversions * sample_j)
