"""One HTML file that opens anywhere, offline: text, figures, tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from lightloop.runs import write_text


@dataclass(frozen=True)
class Card:
    """One headline figure."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `links` gives an address for cells of its last column that stand for files."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    filterable: bool = False
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        title: Its heading.
        text: One or two paragraphs; what the figure shows and what it does not.
        figures: Plotly figures as dicts, each with a caption.
        cards: Headline figures.
        table: A table below the figures.
        wide: Give each figure the full width, where several would stand side by side.
        blocks: Further parts below all else: `markupsafe.Markup` stands as it is, any other string is escaped.
    """

    title: str
    text: Sequence[str] = ()
    figures: Sequence[tuple[dict[str, Any], str]] = ()
    cards: Sequence[Card] = ()
    table: Table | None = None
    wide: bool = False
    blocks: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    footer: str


def render(page: Page) -> str:
    """The page as HTML. Text is escaped; plotly's script is inside."""
    from jinja2 import Environment, StrictUndefined
    from plotly.offline import get_plotlyjs

    folder = files("lightloop.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = _embedded
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style = (folder / "style.css").read_text(encoding="utf-8")
    return template.render(page=page, style=style, plotly=get_plotlyjs())


def write_page(page: Page, path: str | Path) -> Path:
    """Render the page to a file, whole or not at all."""
    return write_text(path, render(page))


def _embedded(figure: dict[str, Any]) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(figure, allow_nan=False).replace("<", "\\u003c")
