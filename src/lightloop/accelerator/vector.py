"""The element-wise unit: softmax, normalisation, activation, residual addition.

Energy: operations at a fixed energy, softmax per byte, and each element once in and once out of the global buffer.
Time: the elements' bytes over the buffer's bandwidth. Formula: artefact of Zhu et al., HPCA 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lightloop.accelerator.machine import Machine
from lightloop.accelerator.modes import Mode
from lightloop.workload.products import VectorWork

REFERENCE_BITS = 4


@dataclass(frozen=True)
class VectorCost:
    """Energy in J and time in s of a network's element-wise work; arrays where the machine's quantities are."""

    energy_j: Any
    time_s: Any


def vector_cost(machine: Machine, work: VectorWork, mode: Mode) -> VectorCost:
    """What `work` costs on `machine`."""
    q = machine.quantities
    bits, repeat = (REFERENCE_BITS, 1) if mode.vector_work_once else (q["bits"], work.repeat)
    operations = (
        q["vector_unit.activation_flops"] * work.activation
        + q["vector_unit.norm_flops"] * work.norm
        + q["vector_unit.add_flops"] * work.add
    )
    energy = (
        operations * q["vector_unit.flop"]
        + work.softmax * bits / 8 * q["vector_unit.softmax_byte"]
        + work.elements * 2 * bits / 16 * q["global_buffer.energy"]
    )
    return VectorCost(repeat * energy, repeat * work.elements * bits / 8 / q["global_buffer.bandwidth"])
