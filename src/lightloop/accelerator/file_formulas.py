"""The formulas of a machine file, read in the order in which they are computed: names that nothing defines, values
that are none.

Names and values are told of a table as it stands, whatever else is wrong with it: a formula whose names have no value
yet, or none at all, is not computed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel

from lightloop.accelerator.formulas import formula
from lightloop.accelerator.path import circles
from lightloop.accelerator.schema import FormulaText, MachineFile
from lightloop.errors import InputError

NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)?")
# Sections whose formulas are computed from top to bottom and may use those above; they need not be amounts.
IN_ORDER = ("define", "events")


def formulas_in(table: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Section of a machine file -> place -> formula, for every text or number that stands where a formula may."""
    hints = get_type_hints(MachineFile, include_extras=True)
    found = {section: dict(_formulas(hint, table.get(section), section)) for section, hint in hints.items()}
    return {section: formulas for section, formulas in found.items() if formulas}


def _formulas(hint: Any, raw: Any, place: str) -> Iterator[tuple[str, str]]:
    if hint == FormulaText:
        if isinstance(raw, str | int | float) and not isinstance(raw, bool):
            yield place, str(raw)
    elif get_origin(hint) in (Union, UnionType):
        for choice in get_args(hint):
            yield from _formulas(choice, raw, place)
    elif isinstance(raw, Mapping) and get_origin(hint) is dict:
        for name, inner in raw.items():
            yield from _formulas(get_args(hint)[1], inner, f"{place}.{name}")
    elif isinstance(raw, Mapping) and isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, inner_hint in get_type_hints(hint, include_extras=True).items():
            if name in raw:
                yield from _formulas(inner_hint, raw[name], f"{place}.{name}")


def names_used(formulas: Iterable[str]) -> set[str]:
    """Every name in some formulas; of one that cannot be read, whatever looks like a name."""
    used: set[str] = set()
    for text in formulas:
        used |= _names(text) if _reads(text) else set(NAME.findall(text))
    return used


def _reads(text: str) -> bool:
    try:
        formula(text)
    except InputError:
        return False
    return True


def _names(text: str) -> frozenset[str]:
    return formula(text).names


class Reading:
    """What is known at one place of the file, and the mistakes so far.

    Args:
        known: Names that formulas may use from here on.
        values: Those of them that have a value, in SI.
        later: Names that are known only further on -> what is known of them, for the message.
    """

    def __init__(self, known: Iterable[str], values: Mapping[str, Any], later: Mapping[str, str]) -> None:
        self.known = set(known)
        self.values = dict(values)
        self.lines: list[str] = []
        self._later = later

    def read(self, section: str, formulas: Mapping[str, str]) -> None:
        """Check the readable formulas of a section; those of `IN_ORDER` become known one by one."""
        names = {place: place.removeprefix(f"{section}.") for place in formulas} if section in IN_ORDER else {}
        rounds = self._circles(section, {names[place]: text for place, text in formulas.items() if place in names})
        for place, text in formulas.items():
            if _reads(text):
                round_ = next((circle for circle in rounds if names.get(place) in circle), [])
                self._look(place, text, names.values(), round_)
                value = self._computed(place, text, amount=section not in IN_ORDER)
                if value is not None and place in names:
                    self.values[names[place]] = value
            if place in names:
                self.known.add(names[place])

    def _circles(self, section: str, formulas: Mapping[str, str]) -> list[list[str]]:
        graph = {name: _names(text) - self.known if _reads(text) else () for name, text in formulas.items()}
        found = circles(graph)
        self.lines += [f"{section} goes round in a circle: {' uses '.join(circle)}" for circle in found]
        return found

    def _look(self, place: str, text: str, section: Iterable[str], circle: list[str]) -> None:
        for missing in sorted(_names(text) - self.known - set(circle)):
            if missing in section:
                problem = f"{missing!r} is defined below it; entries are computed from top to bottom"
            elif missing in self._later:
                problem = f"{missing!r} is not known here: {self._later[missing]}"
            else:
                problem = unknown("quantity", missing, self.known)
            self.lines.append(f"{place}: formula {text!r}: {problem}")

    def _computed(self, place: str, text: str, *, amount: bool) -> Any:
        """The value of a formula whose names all have one; None for any other, or one that has no value."""
        if not _names(text) <= self.values.keys():
            return None
        try:
            with np.errstate(all="ignore"):
                value = formula(text)(self.values, place)
        except InputError as error:
            self.lines.append(error.message)
            return None
        if isinstance(value, complex) or not math.isfinite(value):
            self.lines.append(f"{place}: formula {text!r} comes out as {value}")
            return None
        if amount and value < 0:
            rule = "a loss is not negative" if place.endswith(".loss_db") else "must not be negative"
            self.lines.append(f"{place}: {rule}, got {value:g}")
        return value


def unknown(kind: str, given: str, known: Iterable[str]) -> str:
    """What to say of an unknown name."""
    near = get_close_matches(given, sorted(set(known)), n=1, cutoff=0.5)
    return f"unknown {kind} {given!r}" + (f"; did you mean {near[0]!r}?" if near else "")
