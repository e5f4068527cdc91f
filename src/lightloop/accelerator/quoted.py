"""What others published of electronic and photonic machines: quoted with its source, never simulated here.

Example:
    >>> [figure.value for figure in quoted("tempo") if figure.unit == "TOPS/W"]
    [22.3]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, FiniteFloat

from lightloop.errors import unknown_name
from lightloop.settings import Settings, parse_settings


class Entry(Settings):
    """One figure as it stands in the data file; `quoted` must say so."""

    subject: str = Field(min_length=1)
    what: str = Field(min_length=1)
    value: FiniteFloat
    unit: str = Field(min_length=1)
    source: str = Field(min_length=10)
    quoted: Literal[True]


class QuotedFile(Settings):
    """The data file: a list of figures."""

    figure: tuple[Entry, ...]


@dataclass(frozen=True)
class QuotedFigure:
    """One published figure.

    Args:
        subject: The machine or paper that it is of.
        what: What was published.
        value: Its value in `unit`.
        unit: Its unit as published; "1" for shares and ratios.
        source: Where it stands.
        quoted: Always true: it was neither simulated nor measured here.
    """

    subject: str
    what: str
    value: float
    unit: str
    source: str
    quoted: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        return asdict(self)


def quoted(subject: str | None = None) -> tuple[QuotedFigure, ...]:
    """The published figures of `subject`, or all of them.

    Raises:
        InputError: Nothing is quoted of that subject.
    """
    if subject is None:
        return _library()
    if subject not in quoted_subjects():
        raise unknown_name("subject of quoted figures", subject, quoted_subjects())
    return tuple(figure for figure in _library() if figure.subject == subject)


def quoted_subjects() -> list[str]:
    """The machines and papers of which figures are quoted."""
    return sorted({figure.subject for figure in _library()})


def read_quoted(table: Mapping[str, Any], source: str) -> tuple[QuotedFigure, ...]:
    """The figures of a table `figure = [{subject, what, value, unit, source, quoted = true}, ...]`.

    Raises:
        InputError: With every mistake in the table.
    """
    return tuple(QuotedFigure(**entry.model_dump()) for entry in parse_settings(QuotedFile, table, source).figure)


@cache
def _library() -> tuple[QuotedFigure, ...]:
    text = (files("lightloop.accelerator") / "quoted.toml").read_text(encoding="utf-8")
    return read_quoted(tomllib.loads(text), "quoted.toml")
