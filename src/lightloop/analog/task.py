"""A design task: what to build, with which ports and parts, and the limits that a verdict rests on.

A task is one TOML file in `tasks/`, found by its presence and named by its id and key; its numbers stand in
`tasks/limits.toml`. A user's own task is one file too, which may carry its own `[limits]` and `[conditions]`: `load_task("my_task.toml")`.

Example:
    >>> task = load_task("common-source")
    >>> task.id, task.kind, task.limits["gain"].low
    (1, 'amplifier', 2.0)
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, parse_settings, read_table

TASKS = files("lightloop.analog") / "tasks"
REFERENCES = TASKS / "reference"

Kind = Literal[
    "amplifier", "inverter", "current-source", "current-mirror", "opamp", "oscillator", "integrator", "differentiator",
    "adder", "subtractor", "schmitt", "vco", "pll", "filter", "comparator", "mixer",
]  # fmt: skip
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=32)]
Key = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Port(Settings):
    """An input of the circuit: its node and what its source carries."""

    name: Name
    role: Literal["signal", "bias", "current", "clock"]


class Limit(Settings):
    """What a measured quantity must keep to: `low <= value <= high`, in `unit`."""

    low: Number | None = None
    high: Number | None = None
    unit: str
    what: str
    source: str

    @model_validator(mode="after")
    def _has_a_bound(self) -> Limit:
        if self.low is None and self.high is None:
            raise InputError("a limit needs low, high, or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InputError(f"low {self.low:g} is above high {self.high:g}")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value`, in this limit's unit, keeps to it. NaN never does."""
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return above and below and value == value


class Condition(Settings):
    """A value under which something is measured, in `unit`."""

    value: Number | tuple[Number, ...]
    unit: str
    what: str
    source: str


class Robustness(Settings):
    """What is varied in the last stage of a check; how far, stands in `[robustness]` of `limits.toml`.

    `mismatch` is "as-written", or "offset-nulled" where a high open-loop gain asks for the input offset that brings
    the output back before anything is measured, or "none" where the circuit has no matched devices.
    """

    supply: bool = True
    temperature: bool = True
    resistors: bool = True
    capacitors: bool = True
    mismatch: Literal["none", "as-written", "offset-nulled"] = "none"


class Task(Settings):
    """One design task with all its limits."""

    id: Annotated[int, Field(ge=1)]
    key: Key
    level: Literal["easy", "medium", "hard"]
    kind: Kind
    title: str
    statement: str
    inputs: tuple[Port, ...] = ()
    outputs: Annotated[tuple[Name, ...], Field(min_length=1)]
    supply_v: Annotated[float, Field(gt=0)] | None = None
    models: tuple[Literal["nmos", "pmos", "npn", "pnp", "d"], ...] = ()
    library: tuple[Literal["OPAMP"], ...] = ()
    structure: tuple[Key, ...] = ()
    notes: tuple[str, ...] = ()
    robustness: Robustness = Robustness()
    limits: dict[str, Limit] = Field(default_factory=dict)
    conditions: dict[str, Condition] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ports_differ(self) -> Task:
        names = [name.lower() for name in self.ports]
        if len(set(names)) < len(names):
            raise InputError(f"two ports of one name (SPICE does not tell case apart): {', '.join(self.ports)}")
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs and then the outputs."""
        return tuple(port.name for port in self.inputs) + self.outputs


class Numbers(Settings):
    """Limits and conditions of one kind or one task."""

    limits: dict[str, Limit] = Field(default_factory=dict)
    conditions: dict[str, Condition] = Field(default_factory=dict)


class LimitTable(Settings):
    """`limits.toml` as a whole."""

    sources: dict[str, str]
    robustness: Numbers
    kind: dict[Kind, Numbers]
    task: dict[Key, Numbers]

    @model_validator(mode="after")
    def _sources_are_known(self) -> LimitTable:
        for numbers in (self.robustness, *self.kind.values(), *self.task.values()):
            for name, entry in (numbers.limits | numbers.conditions).items():
                if entry.source not in self.sources:
                    raise unknown_name(f"source of {name}", entry.source, self.sources)
        return self


@cache
def limit_table() -> LimitTable:
    """All limits and conditions of the built-in tasks, checked."""
    table = tomllib.loads((TASKS / "limits.toml").read_text(encoding="utf-8"))
    return parse_settings(LimitTable, table, "analog/tasks/limits.toml")


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
        return _with_numbers(read_table(which), str(which))
    for (number, key), stem in _stems().items():
        if str(which) in (str(number), key):
            return _built_in(stem)
    raise unknown_name(
        "task",
        str(which),
        [key for _, key in _stems()],
        hint=f"give an id from 1 to {len(_stems())}, a key, or the path of a .toml file",
    )


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
    path = TASKS / f"{stem}.toml"
    return _with_numbers(tomllib.loads(path.read_text(encoding="utf-8")), f"analog/tasks/{path.name}")


def _with_numbers(table: Mapping[str, Any], source: str) -> Task:
    """The task of `table` with the numbers of its kind, of its key, and its own, the later ones before the earlier."""
    own = parse_settings(Task, table, source)
    shared = limit_table()
    layers = [shared.kind.get(own.kind, Numbers()), shared.task.get(own.key, Numbers())]
    limits = {name: entry for layer in layers for name, entry in layer.limits.items()} | own.limits
    conditions = {name: entry for layer in layers for name, entry in layer.conditions.items()} | own.conditions
    return own.model_copy(update={"limits": limits, "conditions": conditions})
