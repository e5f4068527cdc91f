"""A chip of several machines: each kind of layer runs on the machine that it is assigned to.

    title = "weights in phase-change cells, attention in dot-product cores"
    source = "mine"
    [assign]
    attention = "lt-base"
    default = "pcm-crossbar"

Kinds of layer: "linear", "attention", "convolution", "experts". Each part brings its own buffers; they share the
memory. One layer waits for the other, so their times add up; see `lightloop.accelerator.schedule`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lightloop.accelerator.machine import Machine, machine
from lightloop.errors import InputError
from lightloop.settings import Settings, parse_settings, read_table
from lightloop.workload.products import VectorWork, Workload

Kind = Literal["linear", "attention", "convolution", "experts", "default"]
DEFAULT: Kind = "default"
SUFFIX = ".toml"
OF_PART = "/"


class ChipFile(Settings):
    """Which machine, a preset or a file beside this one, runs which kind of layer."""

    title: str
    source: str
    assign: dict[Kind, str]


@dataclass(frozen=True)
class Chip:
    """Several machines, by the kind of layer that they run.

    Args:
        name: Its file.
        bits: Resolution of all operands.
        parts: Kind of layer -> machine; "default" runs what no other does.
        overrides: What was set by the user.
    """

    name: str
    bits: int
    parts: Mapping[str, Machine]
    overrides: Mapping[str, float]

    def part_of(self, kind: str) -> str:
        """The part that runs layers of this kind. Raises `InputError` when there is none."""
        if kind in self.parts:
            return kind
        if DEFAULT in self.parts:
            return DEFAULT
        raise InputError(f"{self.name} assigns no machine to {kind} layers", hint='add default = "..." to [assign]')


def is_chip(name: str) -> bool:
    """Whether `name` is the file of a chip, not of one machine."""
    return name.endswith(SUFFIX) and Path(name).is_file() and "assign" in read_table(name)


def chip(name: str, *, bits: int = 4, rule: str = "2^b", **overrides: float) -> Chip:
    """The chip in a file.

    Args:
        name: Path of its `.toml` file.
        bits: Resolution of all operands.
        rule: Rule of the link budgets.
        **overrides: Settings of `accelerator.machine`, for all parts, or for one: `attention/tiles`.

    Raises:
        InputError: The file has mistakes, or a machine or setting is not allowed.
    """
    file = parse_settings(ChipFile, read_table(name), name)
    if not file.assign:
        raise InputError(f"{name} assigns nothing", hint='[assign] needs at least default = "MACHINE"')
    strays = [key for key in overrides if OF_PART in key and key.split(OF_PART)[0] not in file.assign]
    if strays:
        raise InputError(f"{name} has no part for {', '.join(strays)}", allowed=[f"{kind}/KEY" for kind in file.assign])
    parts = {}
    for kind, part in file.assign.items():
        beside = str(Path(name).parent / part) if part.endswith(SUFFIX) else part
        common = {key: value for key, value in overrides.items() if OF_PART not in key}
        own = {key.split(OF_PART)[1]: value for key, value in overrides.items() if key.startswith(f"{kind}{OF_PART}")}
        parts[str(kind)] = machine(beside, bits=bits, rule=rule, **{**common, **own})
    return Chip(str(name), bits, parts, dict(overrides))


def shares(whole: Chip, workload: Workload) -> dict[str, Workload]:
    """What each part of the chip runs of `workload`; element-wise work goes to the part that runs most."""
    by_part: dict[str, list[Any]] = {}
    for product in workload.products:
        by_part.setdefault(whole.part_of(product.kind), []).append(product)
    most = max(by_part, key=lambda part: sum(product.macs for product in by_part[part]))
    cached = next((part for part, products in by_part.items() if any(p.cached for p in products)), most)
    return {
        part: replace(
            workload,
            products=tuple(products),
            vector_work=workload.vector_work if part == most else VectorWork(),
            cache_elements=workload.cache_elements if part == cached else 0,
            cache_written=workload.cache_written if part == cached else 0,
        )
        for part, products in by_part.items()
    }
