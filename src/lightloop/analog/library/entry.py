"""An entry of the library: one subcircuit with its data sheet, read from two files."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar

from lightloop.errors import InputError, unknown_name
from lightloop.settings import parse_settings
from lightloop.spice.deck import Deck, Subcircuit
from lightloop.spice.linter import parse_deck
from lightloop.spice.policy import STRANGER, TRUSTED, Policy

BUILT_IN = files("lightloop.analog") / "library"
MAX_BYTES = 65_536
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
# Kind -> roles of the ports that it must have, in order; `vdd` may follow.
ROLES: dict[str, tuple[str, ...]] = {
    "current-mirror": ("ref", "out"),
    "inverter": ("in", "out"),
    "opamp": ("inp", "inn", "out"),
}


class _Checked:
    """How a data sheet is read: no unknown keys, no numbers as text."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Quantity(_Checked):
    """A measured number of a data sheet.

    Args:
        value: In `unit`.
        unit: Of the value; "1" for ratios.
        what: What was measured, and how.
    """

    value: float
    unit: str
    what: str


@dataclass(frozen=True)
class Entry(_Checked):
    """A subcircuit and what is known of it.

    Args:
        name: Name of the entry and of the subcircuit.
        kind: `opamp`, `inverter` or `current-mirror`: how it is measured.
        title: What it is, in a line.
        origin: The task whose deck it was, or who wrote it.
        ports: Role -> node, in the order of the subcircuit. An op-amp has `inp` (non-inverting), `inn` (inverting),
            `out` and perhaps `vdd`.
        supply_v: Supply voltage in V at which it was measured.
        level: DC value at its inputs: in V, or in A into the reference of a mirror.
        load_f: Capacitance at the output while it was measured, in F.
        netlist: Text of the subcircuit.
        netlist_sha256: Hash of the netlist that was measured.
        measured: The data sheet.
        trusted: Whether the netlist is part of lightloop, and may hold behavioural sources.
    """

    name: str
    kind: str
    title: str
    origin: str
    ports: Mapping[str, str]
    supply_v: float
    level: float
    load_f: float
    netlist: str
    netlist_sha256: str
    measured: Mapping[str, Quantity]
    trusted: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(f"{self.name!r} cannot be the name of an entry", hint=f"it must match {NAME.pattern}")
        if self.kind not in ROLES:
            raise unknown_name("kind of library entry", self.kind, ROLES)
        roles = ROLES[self.kind]
        if tuple(self.ports) not in (roles, (*roles, "vdd")):
            raise InputError(f"the ports of an entry of kind {self.kind} are {', '.join(roles)} and perhaps vdd")
        if not (0 < self.supply_v < math.inf and 0 <= self.load_f < math.inf and math.isfinite(self.level)):
            raise InputError("supply_v must be above 0, load_f 0 or more, and level finite")

    @property
    def inverting(self) -> str | None:
        """Role of the inverting input, where there is one."""
        return {"opamp": "inn", "inverter": "in"}.get(self.kind)

    def deck(self) -> Deck:
        """The netlist as a deck that holds the subcircuit only. Raises `RefusedError` where the linter refuses it."""
        return parse_deck(f"library entry {self.name}\n{self.netlist}\n.end", _policy(self.trusted))

    def subcircuit(self) -> Subcircuit:
        """The subcircuit. Raises `InputError` where the netlist does not hold it with these ports."""
        found = self.deck().subcircuits
        if len(found) != 1 or found[0].name != self.name or found[0].ports != tuple(self.ports.values()):
            raise InputError(f"{self.name}.cir must hold one subcircuit {self.name} {' '.join(self.ports.values())}")
        return found[0]

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain values, without its netlist: what `NAME.toml` holds."""
        return {
            "name": self.name,
            "kind": self.kind,
            "title": self.title,
            "origin": self.origin,
            "supply_v": self.supply_v,
            "level": self.level,
            "load_f": self.load_f,
            "netlist_sha256": self.netlist_sha256,
            "ports": dict(self.ports),
            "measured": {name: vars(quantity).copy() for name, quantity in self.measured.items()},
        }


def entries(folder: str | Path | None = None) -> list[Entry]:
    """The entries that come with lightloop, and those of a folder of one's own, each group by name.

    Raises:
        InputError: The folder does not exist, or an entry cannot be read.
    """
    places: list[tuple[Traversable, bool]] = [(BUILT_IN, True)]
    if folder is not None:
        if not Path(folder).is_dir():
            raise InputError(f"no library folder: {folder}")
        places.append((Path(folder), False))
    return [_read(place, stem, trusted) for place, trusted in places for stem in _stems(place)]


def load_entry(name: str, folder: str | Path | None = None) -> Entry:
    """The entry of that name; one's own before lightloop's. Raises `InputError` if there is none."""
    found = {entry.name: entry for entry in entries(folder)}
    if name.lower() not in found:
        raise unknown_name("library entry", name, found)
    return found[name.lower()]


def netlist_hash(netlist: str) -> str:
    """SHA-256 of a netlist, whatever its line ends, in hexadecimal."""
    return hashlib.sha256("\n".join(netlist.split("\n")).strip().encode()).hexdigest()


def _policy(trusted: bool) -> Policy:
    return TRUSTED if trusted else replace(STRANGER, only_parts=True)


def _stems(place: Traversable) -> list[str]:
    return sorted(path.name.removesuffix(".toml") for path in place.iterdir() if path.name.endswith(".toml"))


def _read(place: Traversable, stem: str, trusted: bool) -> Entry:
    try:
        table, netlist = tomllib.loads(_text(place / f"{stem}.toml")), _text(place / f"{stem}.cir")
    except (OSError, ValueError) as error:
        raise InputError(f"library entry {stem!r} in {place} cannot be read: {error}") from None
    own = sorted(table.keys() & {"netlist", "trusted"})
    if own:
        raise InputError(f"library entry {stem!r} in {place}: {own[0]} is not for a data sheet to say")
    entry = parse_settings(Entry, {**table, "netlist": netlist, "trusted": trusted}, f"{place}/{stem}.toml")
    if entry.name != stem:
        raise InputError(f"library entry {stem!r} calls itself {entry.name!r}")
    return entry


def _text(path: Traversable) -> str:
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return data.decode("utf-8")
