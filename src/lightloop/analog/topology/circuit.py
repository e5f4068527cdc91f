"""What a parametric circuit is: a deck with holes, where its values may lie, and how a first cut is computed.

In the body of a deck `{in1}`, `{in2}` ... and `{out1}` ... stand for the nodes of the task's inputs and outputs,
`{supply}` for the supply voltage, and every other name in braces for a parameter. Title, model cards, the supply and
the sources on the inputs are written by `Topology.deck`.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lightloop.analog.task import Kind, Task
from lightloop.analog.topology.device import MODEL_CARDS
from lightloop.analog.topology.spec import OutOfReach, Spec

# First letter of a parameter's name -> lowest and highest value in SI units; h is an inductance, t a time.
RANGES: dict[str, tuple[float, float]] = {
    "w": (0.5e-6, 5e-3),
    "l": (0.5e-6, 20e-6),
    "r": (10.0, 100e6),
    "c": (10e-15, 100e-6),
    "h": (1e-9, 1e3),
    "v": (0.0, 1e3),
    "i": (1e-7, 1e-1),
    "t": (1e-9, 1e3),
}
DIGITS = 4
PREFIXES = ("f", "p", "n", "u", "m", "", "k", "meg", "g", "t")
FIRST_POWER = -15

Values = Mapping[str, float]


@dataclass(frozen=True)
class Topology:
    """One parametric circuit.

    Args:
        key: Its name.
        title: What it is, in a line.
        kinds: Kinds of tasks that it may serve.
        inputs: Roles of its inputs, in order.
        outputs: How many outputs it has.
        words: What a text calls it.
        rules: Structure rules (keys of `structure` in a task) that it keeps.
        quantities: Limits that it is made to keep.
        body: The deck without title, models, supply and sources.
        sources: Parameters that hold the DC values of the sources on the inputs; "" where the body has the source.
        equations: The equations of the first cut, for the reader.
        size: The first cut: parameters in SI units. Raises `OutOfReach` where the equations have no answer.
        models: Models that it needs.
        library: Library parts that it calls.
        supply: Whether the deck has a supply source.
        fixed: Parameters that a search must leave alone, since a limit rests on their exact value.
    """

    key: str
    title: str
    kinds: tuple[Kind, ...]
    inputs: tuple[str, ...]
    outputs: int
    words: tuple[str, ...]
    rules: tuple[str, ...]
    quantities: tuple[str, ...]
    body: str
    sources: tuple[str, ...]
    equations: tuple[str, ...]
    size: Callable[[Spec], Values]
    models: tuple[str, ...] = ()
    library: tuple[str, ...] = ()
    supply: bool = True
    fixed: frozenset[str] = field(default_factory=frozenset)

    def first_cut(self, spec: Spec) -> dict[str, float]:
        """The values that the equations give. Raises `OutOfReach` where they have no answer that can be built."""
        try:
            values = dict(self.size(spec))
        except (ArithmeticError, ValueError) as error:
            if isinstance(error, OutOfReach):
                raise
            raise OutOfReach(f"the equations of {self.key} have no answer for this task") from None
        for name, value in values.items():
            if not low(name) <= value <= high(name):
                raise OutOfReach(f"{name} = {value:.3g} lies outside {low(name):.3g} to {high(name):.3g}")
        return values

    def deck(self, task: Task, values: Values) -> str:
        """The deck for a task: ports by the task's names, every value as text of four digits."""
        supply_v = task.supply_v or 0.0
        holes = {name: write(value) for name, value in values.items()} | self.ports(task) | {"supply": write(supply_v)}
        lines = [self.title, *(f"* {equation}" for equation in self.equations)]
        lines += [MODEL_CARDS[model] for model in self.models]
        lines += [f"Vdd Vdd 0 {write(supply_v)}"] if self.supply else []
        lines += [
            _source_line(port.name, port.role, write(values[name]))
            for port, name in zip(task.inputs, self.sources, strict=True)
            if name
        ]
        return "\n".join([*lines, self.body.strip().format_map(holes), ".end", ""])

    def ports(self, task: Task) -> dict[str, str]:
        """The names that stand for the task's ports in the body."""
        inputs = {f"in{place}": port.name for place, port in enumerate(task.inputs, 1)}
        return inputs | {f"out{place}": name for place, name in enumerate(task.outputs, 1)}

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters: those in braces in the body, and those of the sources."""
        held = {name for _, name, _, _ in string.Formatter().parse(self.body) if name}
        ports = {f"{side}{place}" for side in ("in", "out") for place in range(1, 10)}
        return tuple(sorted((held - ports - {"supply"}) | {name for name in self.sources if name}))


def low(name: str) -> float:
    """The lowest value that a parameter may have, in SI units."""
    return RANGES[name[0]][0]


def high(name: str) -> float:
    """The highest value that a parameter may have, in SI units."""
    return RANGES[name[0]][1]


def write(value: float) -> str:
    """A value as SPICE text of four digits, such as `22.1k`."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{DIGITS - 1}e}")
    step = min(max((math.floor(math.log10(abs(rounded))) - FIRST_POWER) // 3, 0), len(PREFIXES) - 1)
    return f"{rounded / 10.0 ** (FIRST_POWER + 3 * step):.{DIGITS}g}{PREFIXES[step]}"


def _source_line(port: str, role: str, value: str) -> str:
    if role == "current":
        return f"{_named('I', port)} Vdd {port} {value}"
    return f"{_named('V', port)} {port} 0 {value}"


def _named(letter: str, port: str) -> str:
    return port if port.upper().startswith(letter) else f"{letter}{port}"
