"""What a simulation found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lightloop.units import engineering


@dataclass(frozen=True)
class LayerCost:
    """One product of the network.

    Args:
        name: Name of the product.
        energy_mj: Energy of all repeats, in mJ.
        latency_ms: Time of all repeats, in ms.
        compute_cycles: Clock cycles of the optics for one repeat.
        memory_cycles: SRAM clock cycles for one repeat.
        macs: Multiply-accumulates of all repeats.
        repeat: How often the network runs it.
    """

    name: str
    energy_mj: float
    latency_ms: float
    compute_cycles: int
    memory_cycles: int
    macs: int
    repeat: int


@dataclass(frozen=True)
class SimulationResult:
    """Energy, latency and cycles of one workload on one machine.

    Args:
        machine: Name of the machine.
        workload: Name of the workload.
        bits: Resolution of the operands.
        mode: `compat`, `fixed` or `strict`.
        tokens: Tokens of the workload, all sequences together; None where it knows no tokens.
        energy_mj: Total energy, in mJ.
        latency_ms: Total latency, in ms.
        cycles: Clock cycles of the optics, repeats included.
        macs: Multiply-accumulates that were run.
        energy_breakdown_mj: Component -> energy, in mJ.
        layers: One entry for each product, and one for the element-wise work.
        floor_ratio: Energy over the physical floor of the same work (`lightloop.accelerator.limits`).
        skipped: Products that this machine cannot run in this mode; their cost is not in the totals.
        overrides: Machine settings that differ from the preset.
    """

    machine: str
    workload: str
    bits: int
    mode: str
    tokens: int | None
    energy_mj: float
    latency_ms: float
    cycles: int
    macs: int
    energy_breakdown_mj: dict[str, float]
    layers: tuple[LayerCost, ...]
    floor_ratio: float
    skipped: tuple[str, ...]
    overrides: dict[str, float]

    @property
    def edp_mj_ms(self) -> float:
        """Energy-delay product, in mJ ms."""
        return self.energy_mj * self.latency_ms

    @property
    def energy_per_token_mj(self) -> float | None:
        """Energy divided by the number of tokens, in mJ; None where there are no tokens."""
        return self.energy_mj / self.tokens if self.tokens else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        return asdict(self) | {
            "edp_mj_ms": self.edp_mj_ms,
            "energy_per_token_mj": self.energy_per_token_mj,
        }

    def __repr__(self) -> str:
        return (
            f"SimulationResult({self.workload} on {self.machine}, {self.bits} bit, {self.mode}: "
            f"{engineering(self.energy_mj * 1e-3, 'J')}, {engineering(self.latency_ms * 1e-3, 's')}, "
            f"{self.floor_ratio:.3g}x its floor)"
        )

    def plot(self) -> Any:
        """Energy by component as a bar chart; returns the matplotlib figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        parts = sorted(self.energy_breakdown_mj.items(), key=lambda item: item[1])
        axes.barh([name for name, _ in parts], [energy for _, energy in parts], color="#3b6ea5")
        axes.set_xlabel("energy (mJ)")
        axes.set_title(f"{self.workload} on {self.machine}, {self.bits} bit")
        return figure
