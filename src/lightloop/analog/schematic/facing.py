"""Which way each transistor looks: pairs outward, mirrors at each other, the rest toward what drives the gate."""

from __future__ import annotations

from collections.abc import Mapping

from lightloop.analog.schematic.netlist import Netlist
from lightloop.analog.schematic.stands import Column, Stand
from lightloop.analog.schematic.symbols import TRANSISTORS

NEAR = 2.6  # places within which two gates are turned toward each other


def gates_at_right(
    netlist: Netlist,
    columns: Mapping[int, tuple[Column, float]],
    rows: Mapping[str, int],
    touching: Mapping[str, list[float]],
) -> dict[str, bool]:
    """Name of each standing transistor -> whether its gate is at the right.

    Args:
        netlist: The circuit.
        columns: All columns with their places from left to right.
        rows: Row of each standing part.
        touching: Net -> places where something touches it.
    """
    own = [(stand, at) for column, at in columns.values() for stand in column.stands if stand.part.kind in TRANSISTORS]
    found: dict[str, bool] = {}
    for rule in (_pair, _mirror):
        for stand, at in own:
            if stand.part.name not in found:
                side = rule(stand, at, own, rows, netlist)
                if side is not None:
                    found[stand.part.name] = side
    for column, at in columns.values():
        settled = {place: found[item.part.name] for place, item in enumerate(column.stands) if item.part.name in found}
        for place, stand in enumerate(column.stands):
            if stand.part.kind in TRANSISTORS and stand.part.name not in found:
                beside = _beside(column, place, settled)
                found[stand.part.name] = _rest(stand, at, beside, netlist, touching)
    return found


def _beside(column: Column, place: int, settled: Mapping[int, bool]) -> bool:
    """The side of the nearest settled transistor of the column, those of its own kind first."""
    kind = column.stands[place].part.kind
    near = sorted(settled, key=lambda other: (column.stands[other].part.kind != kind, abs(other - place)))
    return settled[near[0]] if near else False


def _gate(stand: Stand) -> str:
    return stand.part.pins[stand.part.control or "g"]


def _source(stand: Stand) -> str:
    return stand.part.pins.get("s", stand.part.pins.get("e", ""))


def _pair(stand: Stand, at: float, own: list[tuple[Stand, float]], rows: Mapping[str, int], netlist: Netlist
          ) -> bool | None:  # fmt: skip
    """The two sides of a pair look outward."""
    others = [
        place for other, place in own
        if other is not stand and other.part.kind == stand.part.kind and place != at
        and rows[other.part.name] == rows[stand.part.name]
        and _source(other) == _source(stand) and netlist.is_inner(_source(stand)) and _gate(other) != _gate(stand)
    ]  # fmt: skip
    return at > min(others, key=lambda place: abs(place - at)) if others else None


def _mirror(stand: Stand, at: float, own: list[tuple[Stand, float]], rows: Mapping[str, int], netlist: Netlist
            ) -> bool | None:  # fmt: skip
    """Transistors with one gate net look at each other."""
    if not netlist.is_inner(_gate(stand)):
        return None
    others = [
        (rows[other.part.name] != rows[stand.part.name], abs(place - at), place) for other, place in own
        if other is not stand and _gate(other) == _gate(stand) and 0 < abs(place - at) <= NEAR
    ]  # fmt: skip
    alone = not any(other is not stand and _gate(other) == _gate(stand) and place == at for other, place in own)
    return min(others)[2] > at if others and alone else None


def _rest(stand: Stand, at: float, beside: bool, netlist: Netlist, touching: Mapping[str, list[float]]) -> bool:
    gate = _gate(stand)
    if not netlist.is_inner(gate):
        return beside
    others = [place for place in touching.get(gate, []) if place != at]
    return bool(others) and min(others, key=lambda place: (abs(place - at), place)) > at
