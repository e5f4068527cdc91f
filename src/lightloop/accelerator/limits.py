"""The physical floor under a machine's energy.

Light: a dot product of b-bit operands needs a power signal-to-noise ratio of 1.5 * 4^b (a full-scale sine against
quantisation noise). For random-sign operands the shot-noise SNR of a balanced detector equals the photons detected
per multiply-accumulate, whatever the vector's length (derived from Hamerly et al., PRX 9, 021032 (2019)), so

    E_light = 1.5 * 4^b / g * h nu * 10^(IL / 10) / wall-plug efficiency      per multiply-accumulate

with g the SNR that one photon per multiply-accumulate gives on the machine: 1 for balanced detection of dot products,
4 k in a coherent mesh, where all k inputs of an output interfere. Without loss and plug it is the standard quantum
limit of the machine's detection.

Converters: the kT/C noise of a sampling capacitor at b bits costs at least 12 kT * 4^b per encoding or conversion.

Bits: to erase one costs kT ln 2 (Landauer, 1961). A digital multiply-accumulate of b bits is put at 6 b^2 gates that
erase a bit each; every number that is read or written erases b bits.

All of it broadcasts: a machine whose quantities are arrays of shape (designs, 1) has floors of shape (designs,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.accelerator.detection import photons_for_snr, snr_for_bits
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.mapping import Mapped
from lightloop.units import BOLTZMANN_J_PER_K, db_to_ratio, photon_energy_j

TEMPERATURE_K = 300.0
GATES_PER_SQUARE_BIT = 6


@dataclass(frozen=True)
class Floor:
    """Least energy for a workload, in J: light at the plug, operand encodings, conversions; arrays for many designs."""

    light_j: Any
    encoding_j: Any
    conversion_j: Any

    @property
    def total_j(self) -> Any:
        """Sum of the three."""
        return self.light_j + self.encoding_j + self.conversion_j


def quantum_limit_per_mac_j(machine: Machine) -> Any:
    """Energy of the photons that one multiply-accumulate must detect for the machine's bits, in J."""
    q = machine.quantities
    photons = photons_for_snr(snr_for_bits(q["bits"]), formula(machine.file.link.snr_per_photon)(q))
    return photons * photon_energy_j(q["laser.wavelength"] * 1e6)


def launched_energy_per_mac_j(machine: Machine) -> Any:
    """The quantum limit in front of the machine's losses and its detector's quantum efficiency, in J."""
    q = machine.quantities
    loss = db_to_ratio(machine.link.insertion_loss_db)
    return quantum_limit_per_mac_j(machine) * loss / q["receiver.quantum_efficiency"]


def light_energy_per_mac_j(machine: Machine) -> Any:
    """Shot-noise energy of one multiply-accumulate at the laser's plug, through the machine's losses, in J."""
    return launched_energy_per_mac_j(machine) / machine.quantities["laser.wall_plug_efficiency"]


def converter_energy_j(bits: Any, temperature_k: Any = TEMPERATURE_K) -> Any:
    """Thermal-noise energy of one b-bit sample, 12 kT 4^b, in J."""
    return 12 * BOLTZMANN_J_PER_K * temperature_k * 4.0**bits


def landauer_energy_j(bits_erased: Any, temperature_k: Any = TEMPERATURE_K) -> Any:
    """Least energy to erase that many bits, kT ln 2 each, in J."""
    return BOLTZMANN_J_PER_K * temperature_k * math.log(2) * bits_erased


def digital_mac_energy_j(bits: Any, temperature_k: Any = TEMPERATURE_K) -> Any:
    """Landauer's energy of a digital multiply-accumulate of `bits`, of 6 b^2 gates, in J."""
    return landauer_energy_j(GATES_PER_SQUARE_BIT * bits**2, temperature_k)


def energy_floor(machine: Machine, mapped: Mapped, repeats: np.ndarray) -> Floor:
    """The floor of a mapped workload.

    Args:
        machine: The machine.
        mapped: Its events, arrays of shape (products,) or (designs, products).
        repeats: How often each product runs, shape (products,).

    Returns:
        Numbers, or arrays of shape (designs,).
    """
    q, e = machine.quantities, mapped.events
    sample_j = _of_design(converter_energy_j(q["bits"], q["receiver.temperature"]))
    macs = _over_products(repeats * e["heads"] * e["m"] * e["k"] * e["n"])
    encodings = _over_products(repeats * (e["encodings_1"] + e["encodings_2"]))
    conversions = _over_products(repeats * e["conversions"])
    return Floor(macs * _of_design(light_energy_per_mac_j(machine)), encodings * sample_j, conversions * sample_j)


def _over_products(values: np.ndarray) -> Any:
    """The sum over the last axis: a number, or an array of shape (designs,)."""
    total = np.sum(values, axis=-1)
    return total if np.ndim(total) else float(total)


def _of_design(value: Any) -> Any:
    """A quantity of shape (designs, 1) as (designs,); numbers as they are."""
    return value[..., 0] if np.ndim(value) else value
