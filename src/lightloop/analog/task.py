"""A design task: what to build, with which ports and parts, and the limits that a verdict rests on.

A task is one TOML file in `tasks/`, found by its presence and named by its id and key; its numbers stand in
`tasks/limits.toml`. A user's own task is one file too, which may carry its own `[limits]` and `[conditions]`:
`load_task("my_task.toml")`.

Example:
    >>> task = load_task("common-source")
    >>> task.id, task.kind, task.limits["gain"].low
    (1, 'amplifier', 2.0)
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal

from lightloop.errors import InputError, unknown_name

TASKS = files("lightloop.analog") / "tasks"
REFERENCES = TASKS / "reference"

Kind = Literal[
    "amplifier", "inverter", "current-source", "current-mirror", "opamp", "oscillator", "integrator", "differentiator",
    "adder", "subtractor", "schmitt", "vco", "pll", "filter", "comparator", "mixer", "receiver",
]  # fmt: skip
Role = Literal["signal", "bias", "current", "clock"]
Part = Literal["nmos", "pmos", "npn", "pnp", "d"]
Number = float | tuple[float, ...]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}", re.ASCII)
_KEY = re.compile(r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


class _Checked:
    """How a task's own file is read: no unknown keys, no numbers as text."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Port(_Checked):
    """An input of the circuit: its node and what its source carries."""

    name: str
    role: Role

    def __post_init__(self) -> None:
        _must_be(_NAME, "a node", self.name)


@dataclass(frozen=True)
class Limit(_Checked):
    """What a measured quantity must keep to: `low <= value <= high`, in `unit`."""

    unit: str
    what: str
    source: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        _must_be_finite(self.low, self.high)
        if self.low is None and self.high is None:
            raise InputError("a limit needs low, high, or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InputError(f"low {self.low:g} is above high {self.high:g}")

    def holds(self, value: float) -> bool:
        """Whether `value`, in this limit's unit, keeps to it. NaN never does."""
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return above and below and value == value


@dataclass(frozen=True)
class Condition(_Checked):
    """A value, or several, under which something is measured, in `unit`."""

    value: Number
    unit: str
    what: str
    source: str

    def __post_init__(self) -> None:
        _must_be_finite(*self.values)

    @property
    def values(self) -> tuple[float, ...]:
        """The value, or all of them."""
        return self.value if isinstance(self.value, tuple) else (self.value,)


@dataclass(frozen=True)
class Robustness(_Checked):
    """What is varied in the last stage of a check; how far, stands in `[robustness]` of `limits.toml`.

    `mismatch` is "as-written", or "offset-nulled" where a high open-loop gain asks for the input offset that brings
    the output back before anything is measured, or "none" where the circuit has no matched devices.
    """

    supply: bool = True
    temperature: bool = True
    resistors: bool = True
    capacitors: bool = True
    mismatch: Literal["none", "as-written", "offset-nulled"] = "none"


@dataclass(frozen=True)
class Task(_Checked):
    """One design task with all its limits."""

    id: int
    key: str
    level: Literal["easy", "medium", "hard"]
    kind: Kind
    title: str
    statement: str
    outputs: tuple[str, ...]
    inputs: tuple[Port, ...] = ()
    supply_v: float | None = None
    models: tuple[Part, ...] = ()
    library: tuple[Literal["OPAMP"], ...] = ()
    structure: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    robustness: Robustness = Robustness()
    limits: Mapping[str, Limit] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.id < 1:
            raise InputError(f"the id must be 1 or more, got {self.id}")
        if self.supply_v is not None and not 0 < self.supply_v < math.inf:
            raise InputError(f"supply_v must be above 0, got {self.supply_v:g}")
        if not self.outputs:
            raise InputError("a task needs an output")
        for node in self.outputs:
            _must_be(_NAME, "a node", node)
        for key in (self.key, *self.structure):
            _must_be(_KEY, "a key", key)
        names = [name.lower() for name in self.ports]
        if len(set(names)) < len(names):
            raise InputError(f"two ports of one name (SPICE does not tell case apart): {', '.join(self.ports)}")

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs and then the outputs."""
        return tuple(port.name for port in self.inputs) + self.outputs


@dataclass(frozen=True)
class Numbers(_Checked):
    """Limits and conditions of one kind or one task."""

    limits: Mapping[str, Limit] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)


@dataclass(frozen=True)
class LimitTable(_Checked):
    """`limits.toml` as a whole."""

    sources: Mapping[str, str]
    robustness: Numbers
    kind: Mapping[str, Numbers]
    task: Mapping[str, Numbers]

    def __post_init__(self) -> None:
        for numbers in (self.robustness, *self.kind.values(), *self.task.values()):
            entries: dict[str, Limit | Condition] = {**numbers.limits, **numbers.conditions}
            for name, entry in entries.items():
                if entry.source not in self.sources:
                    raise unknown_name(f"source of {name}", entry.source, self.sources)


@cache
def limit_table() -> LimitTable:
    """All limits and conditions of the built-in tasks, checked."""
    table = tomllib.loads((TASKS / "limits.toml").read_text(encoding="utf-8"))
    groups = {group: {key: _numbers(own) for key, own in table[group].items()} for group in ("kind", "task")}
    return LimitTable(sources=table["sources"], robustness=_numbers(table["robustness"]), **groups)


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every built-in task, by id."""
    return tuple(map(_built_in, _stems().values()))


def load_task(which: int | str | Path) -> Task:
    """The task of an id, a key, or a file.

    Args:
        which: `5`, `"5"`, `"cascode"`, or the path of a `.toml` file with a task of one's own.

    Raises:
        InputError: No such task, or the file has mistakes; all of them are listed.
    """
    if isinstance(which, Path) or (isinstance(which, str) and which.endswith(".toml")):
        from lightloop.settings import parse_settings, read_table  # takes longer to load than a check

        return _with_shared(parse_settings(Task, read_table(which), str(which)))
    for (number, key), stem in _stems().items():
        if str(which) in (str(number), key):
            return _built_in(stem)
    raise unknown_name(
        "task",
        str(which),
        [key for _, key in _stems()],
        hint=f"give an id from 1 to {len(_stems())}, a key, or the path of a .toml file",
    )


def tasks_named(text: str) -> tuple[Task, ...]:
    """The tasks of a list of ids, ranges of ids, keys and files: `1:24`, `1,5,wien-bridge`, `1:15,my_task.toml`.

    Raises:
        InputError: As `load_task`, or a range that runs backwards.
    """
    found: list[int | str] = []
    for part in text.split(","):
        bounds = part.split(":")
        if len(bounds) == 2 and all(bound.strip().isdecimal() for bound in bounds):
            found += range(int(bounds[0]), int(bounds[1]) + 1) or [part.strip()]
        else:
            found.append(part.strip())
    return tuple({task.key: task for task in map(load_task, found)}.values())


def reference_deck(task: Task) -> str:
    """The text of the reference design that comes with a built-in task.

    Raises:
        InputError: The task has none.
    """
    stem = _stems().get((task.id, task.key))
    if stem is None:
        raise InputError(f"task {task.id} ({task.key}) has no reference deck")
    return (REFERENCES / f"{stem}.cir").read_text(encoding="utf-8")


@cache
def _stems() -> dict[tuple[int, str], str]:
    """Names of the built-in tasks' files without suffix, by (id, key), in the order of the ids."""
    stems = sorted(path.name.removesuffix(".toml") for path in TASKS.iterdir() if path.name[:2].isdigit())
    return {(int(stem[:2]), stem[3:].replace("_", "-")): stem for stem in stems}


@cache
def _built_in(stem: str) -> Task:
    """A task of ours. That each file would also be read as a task of one's own is a test, not done at each start."""
    table = tomllib.loads((TASKS / f"{stem}.toml").read_text(encoding="utf-8"))
    read = {name: _READERS[name](value) if name in _READERS else value for name, value in table.items()}
    return _with_shared(Task(**read))


def _limits(table: Mapping[str, Any]) -> dict[str, Limit]:
    return {name: Limit(**entry) for name, entry in table.items()}


def _conditions(table: Mapping[str, Any]) -> dict[str, Condition]:
    return {name: Condition(**{**entry, "value": _number(entry["value"])}) for name, entry in table.items()}


def _number(value: float | list[float]) -> Number:
    return tuple(value) if isinstance(value, list) else value


def _numbers(table: Mapping[str, Any]) -> Numbers:
    return Numbers(_limits(table.get("limits", {})), _conditions(table.get("conditions", {})))


_READERS: dict[str, Callable[[Any], Any]] = {
    "inputs": lambda ports: tuple(Port(**port) for port in ports),
    **dict.fromkeys(("outputs", "models", "library", "structure", "notes"), tuple),
    "robustness": lambda table: Robustness(**table),
    "limits": _limits,
    "conditions": _conditions,
}


def _with_shared(own: Task) -> Task:
    """The task with the numbers of its kind, of its key, and its own, the later ones before the earlier."""
    shared = limit_table()
    layers = (shared.kind.get(own.kind, Numbers()), shared.task.get(own.key, Numbers()), own)
    limits = {name: entry for layer in layers for name, entry in layer.limits.items()}
    conditions = {name: entry for layer in layers for name, entry in layer.conditions.items()}
    return replace(own, limits=limits, conditions=conditions)


def _must_be(pattern: re.Pattern[str], what: str, text: str) -> None:
    if not pattern.fullmatch(text):
        raise InputError(f"{text!r} cannot be {what}", hint=f"it must match {pattern.pattern}")


def _must_be_finite(*values: float | None) -> None:
    for value in values:
        if value is not None and not math.isfinite(value):
            raise InputError(f"a number must be finite, got {value}")
