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
from lightloop.accelerator.machine_file import CHIP_TABLE, SUFFIX, read_machine
from lightloop.errors import InputError
from lightloop.settings import Settings, as_line, mistaken, mistakes, read_table
from lightloop.workload.products import VectorWork, Workload

Kind = Literal["linear", "attention", "convolution", "experts", "default"]
DEFAULT: Kind = "default"
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
        title: What its file says that it is.
    """

    name: str
    bits: int
    parts: Mapping[str, Machine]
    overrides: Mapping[str, float]
    title: str = ""

    def part_of(self, kind: str) -> str:
        """The part that runs layers of this kind. Raises `InputError` when there is none."""
        if kind in self.parts:
            return kind
        if DEFAULT in self.parts:
            return DEFAULT
        raise InputError(f"{self.name} assigns no machine to {kind} layers", hint='add default = "..." to [assign]')


def is_chip(name: str) -> bool:
    """Whether `name` is the file of a chip, not of one machine."""
    return name.endswith(SUFFIX) and Path(name).is_file() and CHIP_TABLE in read_table(name)


def chip(name: str, *, bits: int = 4, rule: str = "2^b", **overrides: float) -> Chip:
    """The chip in a file.

    Args:
        name: Path of its `.toml` file.
        bits: Resolution of all operands.
        rule: Rule of the link budgets.
        **overrides: Settings of `accelerator.machine`, for all parts, or for one: `attention/tiles`.

    Raises:
        InputError: The file has mistakes, told together, or a setting is not allowed.
    """
    table = read_table(name)
    lines = [*mistakes(ChipFile, table), *_part_mistakes(name, table.get(CHIP_TABLE))]
    if lines:
        raise mistaken(name, lines)
    file = ChipFile.model_validate(table)
    strays = [key for key in overrides if OF_PART in key and key.split(OF_PART)[0] not in file.assign]
    if strays:
        raise InputError(f"{name} has no part for {', '.join(strays)}", allowed=[f"{kind}/KEY" for kind in file.assign])
    parts = {}
    for kind, part in file.assign.items():
        common = {key: value for key, value in overrides.items() if OF_PART not in key}
        own = {key.split(OF_PART)[1]: value for key, value in overrides.items() if key.startswith(f"{kind}{OF_PART}")}
        try:
            parts[str(kind)] = machine(_beside(name, part), bits=bits, rule=rule, **{**common, **own})
        except InputError as error:
            raise _of_part(error, str(kind), file if overrides else None) from None
    return Chip(str(name), bits, parts, dict(overrides), file.title)


def _beside(name: str, part: str) -> str:
    """A machine file is beside the chip's."""
    return str(Path(name).parent / part) if part.endswith(SUFFIX) else part


def _part_mistakes(name: str, assign: Any) -> list[str]:
    """Machines that cannot be parts, one line each."""
    if not isinstance(assign, Mapping):
        return []  # told by the schema
    if not assign:
        return ['assign: assigns nothing; it needs at least default = "MACHINE"']
    lines = []
    for kind, part in assign.items():
        if not isinstance(part, str):
            continue
        try:
            if is_chip(_beside(name, part)):
                lines.append(f"assign.{kind}: {part} is a chip itself; give the machines that it is made of")
            else:
                read_machine(_beside(name, part))
        except InputError as error:
            lines.append(f"assign.{kind}: {as_line(error)}")
    return lines


def _of_part(error: InputError, kind: str, file: ChipFile | None) -> InputError:
    """A part's mistake, with the part named; where settings were given, with the way to set one part alone."""
    if file is None:
        return InputError(f"{kind} part: {error.message}", allowed=error.allowed, hint=error.hint)
    example = next(iter(file.assign))
    advice = f"KEY sets all parts, PART/KEY one of them ({', '.join(file.assign)}), as in {example}/tiles"
    hint = (
        f"{error.hint} {advice}" if (error.hint or "").endswith("?") else "; ".join(filter(None, (error.hint, advice)))
    )
    return InputError(f"{kind} part: {error.message}", allowed=error.allowed, hint=hint)


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
