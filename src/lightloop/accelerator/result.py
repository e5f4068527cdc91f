"""What a simulation found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lightloop.accelerator.schedule import Interval
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
        kind: Sort of layer: "linear", "attention", "convolution", "experts", "vector", "cache".
        hbm_bytes: Bytes between the chip and its memory, all repeats.
        buffer_bytes: Bytes through the global buffer, all repeats.
    """

    name: str
    energy_mj: float
    latency_ms: float
    compute_cycles: int
    memory_cycles: int
    macs: int
    repeat: int
    kind: str = "linear"
    hbm_bytes: float = 0.0
    buffer_bytes: float = 0.0

    @property
    def intensity_ops_per_byte(self) -> float | None:
        """Operations (two for each multiply-accumulate) per byte of off-chip memory; None without any."""
        return 2 * self.macs / self.hbm_bytes if self.hbm_bytes else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        return asdict(self) | {"intensity_ops_per_byte": self.intensity_ops_per_byte}


@dataclass(frozen=True)
class MemoryUse:
    """What a run asks of the off-chip memory.

    Args:
        weight_bytes: Weights that come to the chip, each time that they do.
        kv_cache_bytes: Size of the key-value cache after the run.
        kv_read_bytes: Keys and values that are read.
        kv_write_bytes: Keys and values that are written.
        spilled_bytes: Activations that go out and come back for want of room on the chip.
        resident_bytes: Weights of the whole network and its cache; None where the weights are not known.
        capacity_bytes: Size of the memory.
        bandwidth_bytes_per_s: Its bandwidth.
        buffer_bandwidth_bytes_per_s: Bandwidth of the global buffer.
        time_ms: Time that memory takes in all.
    """

    weight_bytes: float
    kv_cache_bytes: float
    kv_read_bytes: float
    kv_write_bytes: float
    spilled_bytes: float
    resident_bytes: float | None
    capacity_bytes: float
    bandwidth_bytes_per_s: float
    buffer_bandwidth_bytes_per_s: float
    time_ms: float

    @property
    def traffic_bytes(self) -> float:
        """All bytes between the chip and its memory."""
        return self.weight_bytes + self.kv_read_bytes + self.kv_write_bytes + self.spilled_bytes

    @property
    def fits(self) -> bool | None:
        """Whether weights and cache fit into the memory; None where the weights are not known."""
        return None if self.resident_bytes is None else self.resident_bytes <= self.capacity_bytes

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return asdict(self) | {"traffic_bytes": self.traffic_bytes, "fits": self.fits}


@dataclass(frozen=True)
class Wear:
    """How a run uses memory cells up.

    Args:
        writes: Cell writes of one run.
        cells: Cells of the chip.
        endurance: Writes that a cell bears.
    """

    writes: float
    cells: float
    endurance: float

    @property
    def runs_to_failure(self) -> float | None:
        """Runs until a cell has been written as often as it bears, if all are written alike; None without writes."""
        return self.endurance * self.cells / self.writes if self.writes else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return asdict(self) | {"runs_to_failure": self.runs_to_failure}


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
        schedule: How optics, memory and element-wise work overlap.
        timeline: When each unit works on each product; empty in the modes of the published simulator.
        memory: What the run asks of the off-chip memory.
        wear: How it uses memory cells up; None where nothing wears.
        unpriced: Operation that no cost stands for -> its share of the network's floating-point operations.
        phase: "prefill", "decode" or None.
        batch: Sequences run together.
        context: Tokens of each sequence in the key-value cache after the run.
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
    schedule: str
    timeline: tuple[Interval, ...]
    memory: MemoryUse
    wear: Wear | None
    unpriced: dict[str, float]
    phase: str | None
    batch: int
    context: int | None

    @property
    def edp_mj_ms(self) -> float:
        """Energy-delay product, in mJ ms."""
        return self.energy_mj * self.latency_ms

    @property
    def energy_per_token_mj(self) -> float | None:
        """Energy divided by the number of tokens, in mJ; None where there are no tokens."""
        return self.energy_mj / self.tokens if self.tokens else None

    @property
    def time_per_token_ms(self) -> float | None:
        """Latency divided by the tokens of one sequence, in ms; None where there are no tokens."""
        return self.latency_ms * self.batch / self.tokens if self.tokens else None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens of all sequences per second; None where there are no tokens."""
        return self.tokens / (self.latency_ms * 1e-3) if self.tokens and self.latency_ms else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        table = {key: value for key, value in vars(self).items() if key != "timeline"}
        return table | {
            "layers": [layer.to_dict() for layer in self.layers],
            "memory": self.memory.to_dict(),
            "wear": self.wear.to_dict() if self.wear else None,
            "edp_mj_ms": self.edp_mj_ms,
            "energy_per_token_mj": self.energy_per_token_mj,
            "time_per_token_ms": self.time_per_token_ms,
            "tokens_per_s": self.tokens_per_s,
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
