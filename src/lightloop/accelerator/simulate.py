"""Energy, latency and cycles of a workload on a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightloop.accelerator.formulas import amounts
from lightloop.accelerator.limits import energy_floor
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.mapping import Mapped, map_products
from lightloop.accelerator.modes import Mode, mode_named
from lightloop.accelerator.result import LayerCost, SimulationResult
from lightloop.accelerator.vector import VectorCost, vector_cost
from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, Workload

VECTOR_LAYER = "vector"


def simulate(machine: Machine, workload: Workload, *, mode: str = "strict") -> SimulationResult:
    """Run `workload` on `machine`.

    Args:
        machine: From `accelerator.machine`.
        workload: From `accelerator.workload` or `accelerator.workload_from_torch`.
        mode: `compat`, `fixed` or `strict`; see `lightloop.accelerator.modes`.

    Returns:
        Energy by component and layer, latency, cycles, and the ratio of the energy to its physical floor.

    Raises:
        InputError: The mode is unknown, or nothing of the workload runs on this machine.
    """
    rules = mode_named(mode)
    products, skipped = _runnable(machine, workload, rules)
    mapped = map_products(machine, products, rules)
    repeats = np.array([product.repeat for product in products], dtype=float)
    energy_j = {
        part: joules * repeats for part, joules in amounts(machine.file.energy, mapped.events, "energy of").items()
    }
    vector = vector_cost(machine, workload.vector_work, rules)
    compute_s, memory_s = _times(machine, mapped, repeats, rules)
    layers = _layers(products, sum(energy_j.values()), mapped, compute_s, memory_s, rules)
    layers.append(LayerCost(VECTOR_LAYER, vector.energy_j * 1e3, _vector_time_s(vector, rules) * 1e3, 0, 0, 0, 1))
    twice = [layer for layer in layers if rules.counted_twice and layer.name == machine.file.reference.counted_twice]
    total_j = sum(layer.energy_mj for layer in (*layers, *twice)) * 1e-3
    return SimulationResult(
        machine=machine.name,
        workload=workload.name,
        bits=machine.bits,
        mode=mode,
        tokens=workload.tokens,
        energy_mj=total_j * 1e3,
        latency_ms=_latency_s([*layers, *twice], compute_s, memory_s, vector, rules) * 1e3,
        cycles=int(np.sum(mapped.compute_cycles * repeats)),
        macs=sum(product.macs for product in products),
        energy_breakdown_mj={part: float(np.sum(joules)) * 1e3 for part, joules in energy_j.items()}
        | {VECTOR_LAYER: vector.energy_j * 1e3},
        layers=tuple(layers),
        floor_ratio=total_j / energy_floor(machine, mapped, repeats).total_j,
        skipped=tuple(product.name for product in skipped),
        overrides=dict(machine.overrides),
    )


def _runnable(machine: Machine, workload: Workload, rules: Mode) -> tuple[list[MatrixProduct], list[MatrixProduct]]:
    """The products that run, and those that the reference leaves out on this machine."""
    leave_out = rules.as_reference and not machine.file.reference.dynamic_products
    skipped = [product for product in workload.products if leave_out and product.dynamic]
    products = [product for product in workload.products if product not in skipped]
    if not products:
        raise InputError(
            f"nothing of {workload.name} runs on {machine.name} in mode {rules.name}",
            hint="mode strict runs every product on every machine",
        )
    return products, skipped


def _times(machine: Machine, mapped: Mapped, repeats: np.ndarray, rules: Mode) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of optics and of memory, each of shape (products,), repeats included."""
    q = machine.quantities
    compute = (mapped.compute_cycles / q["clock"] + mapped.programming_s) * repeats
    stalls = machine.file.reference.memory_stalls or not rules.as_reference
    return compute, mapped.memory_cycles / q["sram.clock"] * repeats * stalls


def _vector_time_s(vector: VectorCost, rules: Mode) -> float:
    return vector.time_s * (1e-3 if rules.vector_seconds_as_ms else 1.0)


def _latency_s(
    layers: Sequence[LayerCost], compute_s: np.ndarray, memory_s: np.ndarray, vector: VectorCost, rules: Mode
) -> float:
    if rules.serial:
        return sum(layer.latency_ms for layer in layers) * 1e-3
    return max(float(np.sum(compute_s)), float(np.sum(memory_s)), vector.time_s)


def _layers(
    products: Sequence[MatrixProduct],
    energy_j: Any,
    mapped: Mapped,
    compute_s: np.ndarray,
    memory_s: np.ndarray,
    rules: Mode,
) -> list[LayerCost]:
    time_s = np.maximum(compute_s, memory_s) if rules.serial else compute_s
    return [
        LayerCost(
            product.name,
            float(energy_j[i]) * 1e3,
            float(time_s[i]) * 1e3,
            int(mapped.compute_cycles[i]),
            int(mapped.memory_cycles[i]) if memory_s[i] > 0 else 0,
            product.macs,
            product.repeat,
        )
        for i, product in enumerate(products)
    ]
