"""Energy, latency and cycles of a workload on a machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from lightloop.accelerator.limits import energy_floor
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.memory import buffer_elements
from lightloop.accelerator.modes import Mode, mode_named
from lightloop.accelerator.pricing import Price, charges_j, price
from lightloop.accelerator.result import LayerCost, MemoryUse, SimulationResult
from lightloop.accelerator.schedule import Step, schedule_named, unrolled
from lightloop.accelerator.wear import wear
from lightloop.errors import InputError
from lightloop.workload.products import Workload

VECTOR_LAYER = "vector"
CACHE_LAYER = "cache.write"
CHARGES_LAYER = "charges"


def simulate(
    machine: Machine,
    workload: Workload,
    *,
    mode: str = "strict",
    schedule: str = "perfect",
    within_s: float | None = None,
) -> SimulationResult:
    """Run `workload` on `machine`.

    Args:
        machine: From `accelerator.machine`.
        workload: From `accelerator.workload` or `accelerator.workload_from_torch`.
        mode: `compat`, `fixed` or `strict`; see `lightloop.accelerator.modes`.
        schedule: How optics, memory and element-wise work overlap in mode strict: `perfect`, `double-buffered` or
            `serial`; see `lightloop.accelerator.schedule`.
        within_s: Time of the chip that this machine is a part of; powers beside the work are charged for it.

    Returns:
        Energy by component and layer, latency, cycles, memory traffic, and the ratio of the energy to its floor.

    Raises:
        InputError: The mode or the schedule is unknown, or nothing of the workload runs on this machine.
    """
    rules = mode_named(mode)
    lay_out = schedule_named(schedule)
    if rules.as_reference:
        _refuse_beside_reference(machine, rules, schedule)
    cost = price(machine, workload, rules)
    timeline = () if rules.as_reference else tuple(lay_out(unrolled(steps(cost))))
    layers = _layers(machine, cost, rules)
    if rules.as_reference:
        latency_s = sum(layer.latency_ms for layer in _counted(layers, machine, rules)) * 1e-3
    else:
        latency_s = max((interval.end_s for interval in timeline), default=0.0)
    charged = charges_j(machine, cost, np.array([within_s or latency_s]))
    charges = {name: float(joules[0]) for name, joules in charged.items()}
    if charges:
        layers.append(LayerCost(CHARGES_LAYER, sum(charges.values()) * 1e3, 0.0, 0, 0, 0, 1, "charges"))
    total_j = sum(layer.energy_mj for layer in _counted(layers, machine, rules)) * 1e-3
    return SimulationResult(
        machine=machine.name,
        workload=workload.name,
        bits=machine.bits,
        mode=mode,
        tokens=workload.tokens,
        energy_mj=total_j * 1e3,
        latency_ms=latency_s * 1e3,
        cycles=int(np.sum(cost.mapped.compute_cycles * cost.repeats)),
        macs=sum(product.macs for product in cost.products),
        energy_breakdown_mj=_breakdown_mj(cost, charges),
        layers=tuple(layers),
        floor_ratio=total_j / float(energy_floor(machine, cost.mapped, cost.repeats).total_j),
        skipped=tuple(product.name for product in cost.skipped),
        overrides=dict(machine.overrides),
        schedule=schedule,
        timeline=timeline,
        memory=_memory(machine, workload, cost),
        wear=wear(machine, cost.mapped, cost.repeats),
        unpriced=workload.unpriced_shares(),
        phase=workload.phase,
        batch=workload.batch,
        context=workload.context,
    )


def _refuse_beside_reference(machine: Machine, rules: Mode, schedule: str) -> None:
    """Charges and schedules are questions that the published simulator cannot be asked."""
    charged = [key for key in machine.overrides if key.startswith("charge.") and machine.overrides[key]]
    if charged or schedule != "perfect":
        what = ", ".join(charged) or f"schedule {schedule}"
        raise InputError(f"mode {rules.name} knows no {what}", hint="use mode strict, or leave it out")


def _counted(layers: list[LayerCost], machine: Machine, rules: Mode) -> list[LayerCost]:
    """The layers that enter the totals; the reference counts one of them twice."""
    twice = machine.file.reference.counted_twice if rules.counted_twice else None
    return [*layers, *(layer for layer in layers if layer.name == twice)]


def steps(cost: Price) -> list[Step]:
    """One run of each product, in order. Element-wise work is dealt out by the size of what it works on."""
    outputs = np.array([product.heads * product.m * product.n for product in cost.products]) * cost.repeats
    vector_s = float(np.ravel(cost.vector.time_s)[0]) * outputs / np.sum(outputs)
    steps = [
        Step(
            product.name,
            product.kind,
            float(cost.memory_s[i] / cost.repeats[i]),
            float(cost.compute_s[i] / cost.repeats[i]),
            float(vector_s[i] / cost.repeats[i]),
            product.repeat,
        )
        for i, product in enumerate(cost.products)
    ]
    if cost.cache_write_s:
        steps.append(Step(CACHE_LAYER, "cache", float(cost.cache_write_s), 0.0, 0.0))
    return steps


def _layers(machine: Machine, cost: Price, rules: Mode) -> list[LayerCost]:
    energy_j = sum(cost.energy_j.values()) + np.zeros(len(cost.products))
    time_s = np.maximum(cost.compute_s, cost.memory_s) if rules.as_reference else cost.compute_s
    off_chip = cost.mapped.traffic.total * cost.repeats
    on_chip = buffer_elements(cost.mapped.events) * cost.repeats
    byte = machine.bits / 8
    layers = [
        LayerCost(
            product.name,
            float(energy_j[i]) * 1e3,
            float(time_s[i]) * 1e3,
            int(cost.mapped.compute_cycles[i]),
            round(cost.mapped.memory_s[i] * machine.quantities["sram.clock"]),
            product.macs,
            product.repeat,
            product.kind,
            float(off_chip[i]) * byte,
            float(on_chip[i]) * byte,
        )
        for i, product in enumerate(cost.products)
    ]
    if cost.cache_write_s:
        layers.append(LayerCost(CACHE_LAYER, cost.cache_write_j * 1e3, 0.0, 0, 0, 0, 1, "cache"))
    vector_ms = cost.vector.time_s * (1.0 if rules.vector_seconds_as_ms else 1e3)
    layers.append(LayerCost(VECTOR_LAYER, cost.vector.energy_j * 1e3, vector_ms, 0, 0, 0, 1, "vector"))
    return layers


def _breakdown_mj(cost: Price, charges: dict[str, float]) -> dict[str, float]:
    parts = {part: float(np.sum(joules)) for part, joules in cost.energy_j.items()}
    if cost.cache_write_j:
        parts["hbm"] = parts.get("hbm", 0.0) + cost.cache_write_j
    parts |= {VECTOR_LAYER: cost.vector.energy_j} | charges
    return {part: joules * 1e3 for part, joules in parts.items()}


def _memory(machine: Machine, workload: Workload, cost: Price) -> MemoryUse:
    q, byte = machine.quantities, machine.bits / 8
    moved = cost.mapped.traffic

    def bytes_of(elements: Any) -> float:
        return float(np.sum(elements * cost.repeats)) * byte

    return MemoryUse(
        weight_bytes=bytes_of(moved.weights),
        kv_cache_bytes=workload.cache_elements * byte,
        kv_read_bytes=bytes_of(moved.cache),
        kv_write_bytes=workload.cache_written * byte if cost.cache_write_s else 0.0,
        spilled_bytes=bytes_of(moved.spilled),
        resident_bytes=None if workload.parameters is None else (workload.parameters + workload.cache_elements) * byte,
        capacity_bytes=q["hbm.capacity"],
        bandwidth_bytes_per_s=q["hbm.bandwidth"],
        buffer_bandwidth_bytes_per_s=q["global_buffer.bandwidth"],
        time_ms=(float(np.sum(cost.memory_s)) + float(cost.cache_write_s)) * 1e3,
    )
