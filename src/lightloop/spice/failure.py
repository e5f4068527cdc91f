"""Why a simulation gave no answer, and what may be told of it: classes, nodes, elements, lines; never raw text."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from lightloop.errors import LightloopError
from lightloop.spice.deck import Deck

MAX_REMARKS = 12
_MAX_SCANNED = 1 << 18

# Class -> what it means, and patterns of ngspice's messages; a group `node` or `element` is looked up in the deck.
REMARKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "singular-matrix": (
        "the equations have no single solution: a node without DC path to ground, or a loop of voltage sources",
        (
            r"singular matrix: +check nodes? (?P<node>\S+?)(?: and \S+)?\s",
            r"singular matrix",
        ),
    ),
    "timestep": (
        "the transient step became too small",
        (
            r'timestep too small.{0,120}?trouble with node "(?P<node>[^"\s]+)"',
            r"timestep too small.{0,120}?trouble with \S+-instance (?P<element>\S+)",
            r"timestep too small",
        ),
    ),
    "convergence": (
        "no operating point was found",
        (
            r"operating point could not be simulated",
            r"no convergence",
            r"iteration limit reached",
            r"source stepping failed",
        ),
    ),
    "model": ("a model is not usable", (r"(?:unable to find definition of|could not find a valid) model",)),
    "subcircuit": ("a subcircuit is not usable", (r"unknown subckt[^\n]{0,40}?\b(?P<element>x\w+)", r"unknown subckt")),
    "device": ("a device or quantity that was asked for is not there", (r"no such (?:device|parameter|vector)",)),
    "memory": ("the memory limit was reached", (r"out of memory", r"can'?t allocate", r"memory allocation")),
    "disk": ("the disk or the file limit is full", (r"no space left", r"file too large", r"disk quota")),
}
_PATTERNS = [(kind, re.compile(text)) for kind, (_, texts) in REMARKS.items() for text in texts]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that the simulator said, in our words.

    Args:
        kind: A key of `REMARKS`.
        message: What it means.
        node: The node of the deck that it concerns.
        element: The element of the deck that it concerns.
        line: The line of the deck where that element stands.
    """

    kind: str
    message: str
    node: str | None = None
    element: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"node {self.node}: " if self.node else f"{self.element}: " if self.element else ""
        return (f"line {self.line}: " if self.line else "") + place + self.message

    def to_dict(self) -> dict[str, Any]:
        """The remark as plain values for JSON."""
        return asdict(self)


class SimulationError(LightloopError):
    """The simulator gave no usable answer.

    Args:
        message: What happened.
        kind: `time`, `cpu`, `memory`, `output`, `disk`, `crash`, `missing` or `broken`.
        remarks: What the simulator said about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, kind: str, remarks: tuple[Remark, ...] = (), hint: str | None = None) -> None:
        self.kind = kind
        self.remarks = remarks
        told = "".join(f"\n  - {remark}" for remark in remarks)
        super().__init__(message + told, hint=hint)


class MachineError(LightloopError):
    """The machine, not the deck, kept the simulator from answering; the same run may succeed later.

    It is no `SimulationError`, so that nothing takes it for a property of the deck.

    Args:
        message: What happened.
        kind: `disk`, `start`, `killed` or `time`.
    """

    exit_code = 1

    def __init__(self, message: str, *, kind: str, hint: str | None = None) -> None:
        self.kind = kind
        super().__init__(message, hint=hint)


def remarks_in(output: bytes, deck: Deck) -> tuple[Remark, ...]:
    """What the simulator's text says about this deck. Names that are not the deck's are not repeated."""
    text = output[:_MAX_SCANNED].decode("ascii", errors="replace").lower()
    found: dict[Remark, None] = {}
    known: set[str] = set()
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            named = _named(match, deck)
            if any(named) or kind not in known:
                found[Remark(kind, REMARKS[kind][0], *named)] = None
                known.add(kind)
            if len(found) >= MAX_REMARKS:
                return tuple(found)
    return tuple(found)


def _named(match: re.Match[str], deck: Deck) -> tuple[str | None, str | None, int | None]:
    groups = match.groupdict()
    node = groups.get("node")
    if node in deck.nodes:
        return node, None, min(element.line for element in deck.at_node(node or "")) or None
    table = deck.by_name
    element = next((part for part in (groups.get("element") or "").split(".") if part in table), None)
    if element is None:
        return None, None, None
    return None, element, table[element].line or None
