"""How far a design stands above what physics asks for, and whether the bits that it claims are there.

`limits(machine)` climbs from the shot noise of detection over the machine's own loss, plug and converters to what the
design spends, all per multiply-accumulate of a workload, and asks the receiver (`lightloop.accelerator.receiver`) what
is left of a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lightloop.accelerator.limits import (
    Floor,
    digital_mac_energy_j,
    energy_floor,
    landauer_energy_j,
    launched_energy_per_mac_j,
    light_energy_per_mac_j,
    quantum_limit_per_mac_j,
)
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.modes import mode_named
from lightloop.accelerator.pricing import price
from lightloop.accelerator.receiver import receiver
from lightloop.accelerator.remarks import remarks
from lightloop.accelerator.result import SimulationResult
from lightloop.accelerator.simulate import simulate
from lightloop.workload import workload as named_workload
from lightloop.workload.products import MatrixProduct, Workload

DEFAULT_WORKLOAD = "deit-base"
AJ = 1e18

# Component -> how the names of its parts begin in a machine's energy table.
COMPONENTS = {
    "light": ("laser", "comb"),
    "encodings": ("dac", "modulator", "mzm", "ring", "mrr"),
    "conversions": ("adc",),
    "receivers": ("detector", "tia"),
    "weight cells": ("write",),
    "memory": ("register_file", "local_buffer", "global_buffer", "hbm", "cache"),
}
OTHER = "other"


@dataclass(frozen=True)
class Rung:
    """One floor: its energy per multiply-accumulate, and how many times it the design spends."""

    name: str
    energy_aj_per_mac: float
    ratio: float


@dataclass(frozen=True)
class ComponentLimit:
    """One component: what the design spends, and the floor under it where one is known."""

    name: str
    energy_aj_per_mac: float
    floor_aj_per_mac: float | None
    ratio: float | None


@dataclass(frozen=True)
class Limits:
    """A design beside its physical limits. Energies are per multiply-accumulate, in aJ.

    Args:
        machine: Its name.
        bits: Resolution that it claims, also `claimed_bits`.
        workload: What it was priced on.
        mode: Rules of the pricing, see `lightloop.accelerator.modes`.
        energy_aj_per_mac: What the design spends.
        laser_aj_per_mac: What its lasers draw while its cores are full.
        launched_aj_per_mac: The light of that.
        sql_aj_per_mac: Standard quantum limit: the photons that shot noise asks for at these bits.
        detected_photons_per_mac: Photons that it detects, at full scale.
        enob: Effective bits by contribution ("shot", "thermal", "intensity", "adc", "dispersion") and of all ("total");
            None where a contribution is absent.
        encoding_enob: Effective bits that the operands' encoding leaves by the published accuracy model; not in total.
        feasible: Whether "total" reaches the claimed bits.
        remarks: What a reader should know, in sentences.
        ladder: Floors from the lowest to the one of this machine, and Landauer's for digital arithmetic.
        components: Parts of the design with the floor under each.
    """

    machine: str
    bits: int
    workload: str
    mode: str
    energy_aj_per_mac: float
    laser_aj_per_mac: float
    launched_aj_per_mac: float
    sql_aj_per_mac: float
    detected_photons_per_mac: float
    enob: dict[str, float | None]
    encoding_enob: float | None
    feasible: bool
    remarks: tuple[str, ...]
    ladder: tuple[Rung, ...]
    components: tuple[ComponentLimit, ...]

    @property
    def claimed_bits(self) -> int:
        """The resolution that the machine is said to have."""
        return self.bits

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        return asdict(self) | {"claimed_bits": self.claimed_bits}

    def __repr__(self) -> str:
        total = self.enob["total"]
        return (
            f"Limits({self.machine}, {self.bits} bit: {self.energy_aj_per_mac * 1e-3:.4g} fJ/MAC is "
            f"{self.ladder[0].ratio:.3g}x shot noise, {total:.2f} effective bits)"
        )

    def plot(self) -> Any:
        """The ladder as bars on a logarithmic axis; returns the matplotlib figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.add_subplot()
        rungs = [(rung.name.replace("_", " "), rung.energy_aj_per_mac) for rung in reversed(self.ladder)]
        names, energies = zip(("the design", self.energy_aj_per_mac), *rungs, strict=True)
        bars = axes.barh(names, energies, color=["#D55E00"] + ["#0072B2"] * len(rungs))
        axes.bar_label(bars, [f"{energy:.3g} aJ" for energy in energies], padding=4)
        axes.set_xscale("log")
        axes.set_xlim(right=30 * max(energies))
        axes.set_xlabel("energy per multiply-accumulate (aJ)")
        axes.set_title(f"{self.machine} on {self.workload}, {self.bits} bit")
        return figure


def limits(machine: Machine, *, workload: Workload | None = None, mode: str = "strict") -> Limits:
    """What physics asks of `machine`, what it spends, and how many of its bits are there.

    Args:
        machine: From `accelerator.machine`.
        workload: What the energy per multiply-accumulate is taken from; DeiT-Base if None.
        mode: `compat`, `fixed` or `strict`; the published ladder is of `compat`.

    Raises:
        InputError: The mode is unknown, or nothing of the workload runs on this machine.
    """
    workload = named_workload(DEFAULT_WORKLOAD) if workload is None else workload
    result = simulate(machine, workload, mode=mode)
    cost = price(machine, workload, mode_named(mode))
    floor = energy_floor(machine, cost.mapped, cost.repeats)
    found = receiver(machine)
    launched = _launched_aj_per_mac(machine)
    return Limits(
        machine=machine.name,
        bits=machine.bits,
        workload=workload.name,
        mode=mode,
        energy_aj_per_mac=_per_mac(result.energy_mj * 1e-3, result.macs),
        laser_aj_per_mac=launched / float(machine.quantities["laser.wall_plug_efficiency"]),
        launched_aj_per_mac=launched,
        sql_aj_per_mac=float(quantum_limit_per_mac_j(machine)) * AJ,
        detected_photons_per_mac=float(found.photons_per_mac),
        enob={name: _finite(bits) for name, bits in found.enob.items()},
        encoding_enob=_finite(found.encoding_enob),
        feasible=bool(found.feasible),
        remarks=remarks(machine, found),
        ladder=_ladder(machine, floor, result),
        components=_components(machine, floor, result, cost.products),
    )


def _launched_aj_per_mac(machine: Machine) -> float:
    """Light of one core's laser over the multiply-accumulates of a full core."""
    q = machine.quantities
    rate = q["height"] * q["width"] * q["wavelengths"] * q["clock"]
    return float(machine.link.laser_optical_w / rate) * AJ


def _per_mac(energy_j: float, macs: int) -> float:
    return energy_j / macs * AJ


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _ladder(machine: Machine, floor: Floor, result: SimulationResult) -> tuple[Rung, ...]:
    spent = _per_mac(result.energy_mj * 1e-3, result.macs)
    energies = {
        "shot_noise": float(quantum_limit_per_mac_j(machine)) * AJ,
        "with_loss": float(launched_energy_per_mac_j(machine)) * AJ,
        "with_loss_and_plug": float(light_energy_per_mac_j(machine)) * AJ,
        "converters": _per_mac(floor.encoding_j + floor.conversion_j, result.macs),
        "light_and_converters": _per_mac(floor.total_j, result.macs),
        "digital_landauer": digital_mac_energy_j(machine.bits) * AJ,
    }
    return tuple(Rung(name, energy, spent / energy) for name, energy in energies.items())


def _components(
    machine: Machine, floor: Floor, result: SimulationResult, products: Sequence[MatrixProduct]
) -> tuple[ComponentLimit, ...]:
    spent_j = _grouped_j(result.energy_breakdown_mj)
    floors_j = {
        "light": floor.light_j,
        "encodings": floor.encoding_j,
        "conversions": floor.conversion_j,
        "memory": landauer_energy_j(machine.bits * _numbers(products)),
    }
    return tuple(_component(name, joules, floors_j.get(name), result.macs) for name, joules in spent_j.items())


def _component(name: str, energy_j: float, floor_j: float | None, macs: int) -> ComponentLimit:
    energy = _per_mac(energy_j, macs)
    if floor_j is None:
        return ComponentLimit(name, energy, None, None)
    return ComponentLimit(name, energy, _per_mac(floor_j, macs), energy_j / floor_j)


def _grouped_j(breakdown_mj: Mapping[str, float]) -> dict[str, float]:
    """The energy table by component, in J; a part of no component is in "other"."""
    groups = dict.fromkeys((*COMPONENTS, OTHER), 0.0)
    for part, energy_mj in breakdown_mj.items():
        fitting = (name for name, starts in COMPONENTS.items() if part.startswith(starts))
        groups[next(fitting, OTHER)] += energy_mj * 1e-3
    return groups


def _numbers(products: Sequence[MatrixProduct]) -> int:
    """Numbers that must move at least: each operand read once, each result written once."""
    return sum(p.repeat * p.heads * (p.m * p.k + p.k * p.n + p.m * p.n) for p in products)
