"""Hold the `compat` mode against a table of the published simulator, row by row.

The table has the columns workload, arch, bits, metric, value, unit. Its names are mapped to presets here.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lightloop.accelerator.describe import Description, describe
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.machine import Machine, machine
from lightloop.accelerator.result import LayerCost, SimulationResult
from lightloop.accelerator.simulate import VECTOR_LAYER, simulate
from lightloop.errors import InputError, unknown_name
from lightloop.workload import workload

COLUMNS = ("workload", "arch", "bits", "metric", "value", "unit")

MACHINES = {
    "LT-B": "lt-base",
    "LT-B/crossbar": "lt-base-crossbar",
    "LT-B/broadcast": "lt-base-broadcast",
    "LT-L": "lt-large",
    "LT-L/crossbar": "lt-large-crossbar",
    "LT-L/broadcast": "lt-large-broadcast",
    "MRR": "mrr-bank",
    "MZI": "mzi-mesh",
}
WORKLOADS = {
    "deit-t": "deit-tiny",
    "deit-s": "deit-small",
    "deit-b": "deit-base",
    "bert-b": "bert-base",
    "bert-l": "bert-large",
}
COMPONENTS = {
    "comp.laser": ("laser",),
    "comp.ADC": ("adc",),
    "comp.adder": ("adder",),
    "comp.TX_1": ("modulator_1",),
    "comp.TX_2": ("modulator_2",),
    "comp.DAC_1": ("dac_1",),
    "comp.DAC_2": ("dac_2",),
    "comp.RX": ("detector", "tia"),
    "comp.RX-Detector": ("detector",),
    "comp.RX-TIA": ("tia",),
    "datamovement.RF": ("register_file",),
    "datamovement.LB": ("local_buffer",),
    "datamovement.GB": ("global_buffer",),
    "datamovement.DRAM": ("hbm",),
}
PARTS = {
    "DAC": "dac", "ADC": "adc", "TIA": "tia", "MZM": "modulator", "Photodetector": "detector", "mem": "memory",
}  # fmt: skip
DEVICES: dict[str, Callable[[Machine], float]] = {
    "insertion_loss_modulation": lambda m: m.link.modulation_loss_db,
    "insertion_loss_computation": lambda m: m.link.computation_loss_db,
    "laser_power": lambda m: m.link.laser_electrical_w * 1e3,
    "core_DAC_power": lambda m: m.quantities["dac_power"] * 1e3,
    "core_ADC_power": lambda m: m.quantities["adc_power"] * 1e3,
    "modulator_power_dynamic": lambda m: _modulator_power_w(m) * 1e3,
}


@dataclass(frozen=True)
class Row:
    """One row of the table and what lightloop finds for it."""

    workload: str
    arch: str
    bits: int
    metric: str
    reference: float
    value: float

    @property
    def relative_error(self) -> float:
        """|value - reference| / |reference|; the absolute value where the reference is zero."""
        return abs(self.value - self.reference) / (abs(self.reference) or 1.0)


@dataclass(frozen=True)
class Comparison:
    """All rows, and the worst of them."""

    rows: tuple[Row, ...]

    @property
    def worst(self) -> Row:
        """The row with the largest relative error."""
        return max(self.rows, key=lambda row: row.relative_error)

    def to_dict(self) -> dict[str, Any]:
        """Count and worst error, for JSON."""
        worst = self.worst
        return {
            "rows": len(self.rows),
            "max_relative_error": worst.relative_error,
            "worst": {
                "workload": worst.workload,
                "arch": worst.arch,
                "bits": worst.bits,
                "metric": worst.metric,
                "reference": worst.reference,
                "value": worst.value,
            },
        }


def compare(path: str | Path) -> Comparison:
    """Compare every row of the table in `path`.

    Raises:
        InputError: The file is missing, lacks a column, is empty, or names something unknown.
    """
    rows = []
    for number, record in enumerate(_records(Path(path)), start=2):
        try:
            bits, reference = int(record["bits"]), float(record["value"])
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        if not math.isfinite(reference):
            raise InputError(f"{path}, line {number}: the value {record['value']!r} is not a finite number")
        value = _value(record["workload"], record["arch"], bits, record["metric"])
        rows.append(Row(record["workload"], record["arch"], bits, record["metric"], reference, value))
    if not rows:
        raise InputError(f"{path} has no rows to compare")
    return Comparison(tuple(rows))


def _records(path: Path) -> Iterable[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise InputError(f"{path} lacks the column(s) {', '.join(missing)}", allowed=COLUMNS)
            yield from reader
    except FileNotFoundError:
        raise InputError(f"file not found: {path}", hint="give a table with the columns " + ",".join(COLUMNS)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _value(workload_name: str, arch: str, bits: int, metric: str) -> float:
    family, _, rest = metric.partition(".")
    if arch not in MACHINES:
        raise unknown_name("arch", arch, MACHINES)
    if family in _OF_MACHINE:
        return _OF_MACHINE[family](arch, bits, rest)
    if family in _OF_RUN:
        return _OF_RUN[family](_run(workload_name, arch, bits), rest)
    raise unknown_name("metric", metric, [*_OF_MACHINE, *_OF_RUN])


@cache
def _machine(arch: str, bits: int) -> Machine:
    return machine(MACHINES[arch], bits=bits)


@cache
def _describe(arch: str, bits: int) -> Description:
    return describe(_machine(arch, bits))


@cache
def _run(workload_name: str, arch: str, bits: int) -> SimulationResult:
    name, _, tokens = workload_name.partition("_")
    if name not in WORKLOADS or not tokens.isdigit():
        raise unknown_name("workload", workload_name, [f"{known}_TOKENS" for known in WORKLOADS])
    return simulate(_machine(arch, bits), workload(WORKLOADS[name], tokens=int(tokens)), mode="compat")


def _layers(result: SimulationResult, name: str) -> list[LayerCost]:
    wanted = VECTOR_LAYER if name == "others" else name.lower()
    found = [layer for layer in result.layers if layer.name.split(".")[0] == wanted]
    if not found:
        raise unknown_name("layer", name, {layer.name.split(".")[0] for layer in result.layers})
    return found


def _energy(result: SimulationResult, rest: str) -> float:
    if rest == "total":
        return result.energy_mj
    layers = result.layers if rest == "total_no_double_qkv" else _layers(result, rest)
    return sum(layer.energy_mj for layer in layers)


def _latency(result: SimulationResult, rest: str) -> float:
    if rest == "total":
        return result.latency_ms
    if rest == "total_no_double_qkv":
        return sum(layer.latency_ms for layer in result.layers)
    return sum(layer.latency_ms for layer in _layers(result, rest))


def _component(result: SimulationResult, rest: str) -> float:
    if rest not in COMPONENTS:
        raise unknown_name("component", rest, COMPONENTS)
    return sum(result.energy_breakdown_mj[part] for part in COMPONENTS[rest])


def _device(arch: str, bits: int, rest: str) -> float:
    if rest not in DEVICES:
        raise unknown_name("device figure", rest, DEVICES)
    return DEVICES[rest](_machine(arch, bits))


def _part(table: dict[str, float], name: str) -> float:
    part = PARTS.get(name, name)
    if part not in table:
        raise unknown_name("part", name, table)
    return table[part]


def _reference_area(arch: str, bits: int) -> dict[str, float]:
    """Areas as the reference sums them: one baseline's modulators stand in its core but not in its total."""
    area = dict(_describe(arch, bits).area_mm2)
    left_out = _machine(arch, bits).file.reference.left_out_of_area
    if left_out:
        area["total"] -= area[left_out]
        area["photonic_core"] += area[left_out]
    return area


def _modulator_power_w(m: Machine) -> float:
    """Power of the modulator of the streamed operand, without its static part."""
    device = "ring" if m.file.mapping.positive_stream else "mzm"
    return formula(f"{device}.energy * clock")(m.quantities)


_OF_MACHINE: dict[str, Callable[[str, int, str], float]] = {
    "area": lambda arch, bits, rest: _part(_reference_area(arch, bits), rest),
    "power": lambda arch, bits, rest: _part(_describe(arch, bits).power_mw, rest),
    "dev": _device,
}
_OF_RUN: dict[str, Callable[[SimulationResult, str], float]] = {
    "energy": _energy,
    "latency": _latency,
    "energy_component": _component,
    "cycles_comp_per_layer": lambda result, rest: sum(layer.compute_cycles for layer in _layers(result, rest)),
    "cycles_mem_per_layer": lambda result, rest: sum(layer.memory_cycles for layer in _layers(result, rest)),
}
