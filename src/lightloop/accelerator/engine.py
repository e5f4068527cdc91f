"""The doors of the engine: `machine`, `simulate` and `describe`, for one machine or a chip of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightloop.accelerator.chip import Chip, chip, is_chip, shares
from lightloop.accelerator.describe import Description
from lightloop.accelerator.describe import describe as describe_machine
from lightloop.accelerator.link import Waterfall, waterfall
from lightloop.accelerator.link import link_budget as budget
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.machine import machine as single_machine
from lightloop.accelerator.modes import mode_named
from lightloop.accelerator.pricing import price
from lightloop.accelerator.result import MemoryUse, SimulationResult, Wear
from lightloop.accelerator.schedule import Step, schedule_named, unrolled
from lightloop.accelerator.simulate import simulate as simulate_machine
from lightloop.accelerator.simulate import steps
from lightloop.errors import InputError
from lightloop.workload.products import Workload


def machine(name: str, *, bits: int = 4, rule: str = "2^b", **overrides: float) -> Machine | Chip:
    """A preset machine, a machine file, or the file of a chip of several. See `lightloop.accelerator.machine.machine`.

    Args:
        name: A preset (`lt-base`, ...) or the path of a `.toml` file.
        bits: Resolution of both operands, 1 to 16.
        rule: How the light grows with the bits: "2^b" as published, or "snr" as shot and thermal noise ask for.
        **overrides: Sizes, `clock_ghz`, `laser_margin_db`, `charge.NAME`, `device.NAME.FIELD`.

    Raises:
        InputError: The machine, a key or a value is not allowed.
    """
    make = chip if is_chip(str(name)) else single_machine
    return make(str(name), bits=bits, rule=rule, **overrides)


def simulate(
    machine: Machine | Chip, workload: Workload, *, mode: str = "strict", schedule: str = "perfect"
) -> SimulationResult:
    """Run `workload` on `machine`. See `lightloop.accelerator.simulate.simulate`.

    A chip of several machines runs in mode strict only: the published simulator knows none.
    """
    if not isinstance(workload, Workload):
        raise InputError(f"a workload is needed, got {workload!r}", hint="make one: accelerator.workload(name)")
    if isinstance(machine, Machine):
        return simulate_machine(machine, workload, mode=mode, schedule=schedule)
    if not isinstance(machine, Chip):
        raise InputError(f"a machine is needed, got {machine!r}", hint="make one: accelerator.machine(name)")
    return _simulate_chip(machine, workload, mode, schedule)


def describe(machine: Machine | Chip) -> Description:
    """Area, power and link of `machine`. Of a chip: all parts, named part.component, and the worst of the links."""
    if isinstance(machine, Machine):
        return describe_machine(machine)
    found = {kind: describe_machine(part) for kind, part in machine.parts.items()}
    worst = max(found.values(), key=lambda part: part.insertion_loss_db)
    return replace(
        worst,
        machine=machine.name,
        area_mm2=_named({kind: part.area_mm2 for kind, part in found.items()}),
        power_mw=_named({kind: part.power_mw for kind, part in found.items()}),
        laser_mw_per_core=max(part.laser_mw_per_core for part in found.values()),
        peak_tops=sum(part.peak_tops for part in found.values()),
        link=None,
        node=None,
    )


def link_budget(machine: Machine, *, rule: str | None = None) -> Waterfall:
    """The light's ways from laser to detector, stage by stage.

    Args:
        machine: One machine.
        rule: "2^b" or "snr"; the machine's own if None.

    Raises:
        InputError: The rule is unknown, or the laser would need to be too bright.
    """
    link, quantities = machine.file.link, machine.quantities
    return waterfall(link, quantities, budget(link, quantities, rule) if rule else machine.link)


def _named(tables: dict[str, dict[str, float]]) -> dict[str, float]:
    total = sum(table["total"] for table in tables.values())
    parts = {
        f"{kind}.{name}": value for kind, table in tables.items() for name, value in table.items() if name != "total"
    }
    return {"total": total, **parts}


def _simulate_chip(whole: Chip, workload: Workload, mode: str, schedule: str) -> SimulationResult:
    rules = mode_named(mode)
    if rules.as_reference:
        raise InputError(f"mode {mode} knows no chips of several machines", hint="use mode strict")
    share = shares(whole, workload)
    timeline = tuple(schedule_named(schedule)(unrolled(_chip_steps(whole, share, workload))))
    latency_s = max(interval.end_s for interval in timeline)
    results = {
        part: simulate_machine(whole.parts[part], work, schedule=schedule, within_s=latency_s)
        for part, work in share.items()
    }
    first = next(iter(results.values()))
    layers = [
        replace(layer, name=f"{part}:{layer.name}") for part, result in results.items() for layer in result.layers
    ]
    energy_mj = sum(result.energy_mj for result in results.values())
    floor_mj = sum(result.energy_mj / result.floor_ratio for result in results.values())
    return replace(
        first,
        machine=whole.name,
        energy_mj=energy_mj,
        latency_ms=latency_s * 1e3,
        cycles=sum(result.cycles for result in results.values()),
        macs=sum(result.macs for result in results.values()),
        energy_breakdown_mj=_summed([result.energy_breakdown_mj for result in results.values()]),
        layers=tuple(layers),
        floor_ratio=energy_mj / floor_mj,
        overrides=dict(whole.overrides),
        timeline=timeline,
        memory=_memory([result.memory for result in results.values()]),
        wear=_worst_wear([result.wear for result in results.values() if result.wear]),
    )


def _chip_steps(whole: Chip, share: dict[str, Workload], workload: Workload) -> list[Step]:
    """One run of each product in the order of the network, whatever part it runs on."""
    made: dict[int, Step] = {}
    rest: list[Step] = []
    for part, work in share.items():
        runs = steps(price(whole.parts[part], work, mode_named("strict")))
        made |= {id(product): step for product, step in zip(work.products, runs, strict=False)}
        rest += runs[len(work.products) :]
    return [*(made[id(product)] for product in workload.products), *rest]


def _summed(tables: Sequence[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for table in tables:
        for name, value in table.items():
            total[name] = total.get(name, 0.0) + value
    return total


def _memory(parts: Sequence[MemoryUse]) -> MemoryUse:
    """The parts' traffic together, over one memory: that of the least capacity and bandwidth."""
    added = ("weight_bytes", "kv_cache_bytes", "kv_read_bytes", "kv_write_bytes", "spilled_bytes", "time_ms")
    least = ("capacity_bytes", "bandwidth_bytes_per_s", "buffer_bandwidth_bytes_per_s")
    resident = [part.resident_bytes for part in parts if part.resident_bytes is not None]
    return replace(
        parts[0],
        **{name: sum(getattr(part, name) for part in parts) for name in added},
        **{name: min(getattr(part, name) for part in parts) for name in least},
        resident_bytes=max(resident) if resident else None,
    )


def _worst_wear(parts: Sequence[Wear]) -> Wear | None:
    return min(parts, key=lambda part: part.runs_to_failure or float("inf"), default=None)
