"""The page of a sizing: the best design, its constraints, the course of the search, corners, the trade-off."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightloop.report.analog_figures import front_figure, plot_figure, progress_figure
from lightloop.report.analog_parts import code, drawing, numbered, specifications, words
from lightloop.report.page import Card, Page, Section, Table, write_page
from lightloop.report.schematic import schematic_svg
from lightloop.report.training_page import footer
from lightloop.runs import write_text
from lightloop.units import engineering

Values = Mapping[str, Any]


def sizing_page(data: Values) -> Page:
    """The page.

    Args:
        data: Plain values: `result` (as `SizingResult.to_dict()`), and where known `history` (rows of evaluation,
            objective, violation), `schematic` (as `Drawing.to_dict()`), `plots` (as `PlotData.to_dict()`), `made_by`.
    """
    result = data["result"]
    told = "every constraint holds" if result["ok"] else "not every constraint holds"
    sections = [
        _glance(result),
        _schematic(data, result),
        Section(
            "Constraints",
            ["At the nominal condition."],
            blocks=[specifications(list(map(_item, result["constraints"])))],
        ),
        _search(data, result),
        _plots(data),
        _values(result),
        _corners(result),
        Section("Deck", blocks=[code(numbered(result["deck"]))]),
    ]
    return Page(
        title=f"{result['title']}: {told}",
        subtitle=f"Sized in {result['evaluations']:,} evaluations.",
        sections=[section for section in sections if section is not None],
        footer=footer(data["made_by"]) if data.get("made_by") else "",
    )


def write_sizing_report(folder: str | Path, data: Values) -> list[Path]:
    """Write `report.html`, and `schematic.svg` where there is a drawing; each whole or not at all."""
    written = [write_page(sizing_page(data), Path(folder) / "report.html")]
    if data.get("schematic"):
        picture = schematic_svg(data["schematic"], data["result"]["title"], standalone=True)
        written.append(write_text(Path(folder) / "schematic.svg", picture))
    return written


def _item(limit: Values) -> Values:
    """A constraint in the shape of a verdict's item."""
    same = {name: limit[name] for name in ("name", "value", "unit", "ok")}
    return {**same, "low": limit["min"], "high": limit["max"]}


def _glance(result: Values) -> Section:
    objective = result["objective"]
    cards = [
        Card("yes" if result["ok"] else "no", "all constraints hold", "at the nominal condition and at every corner"),
        Card(_plain(objective["value"]), words(objective["name"]), "of the best design"),
        Card(f"{result['evaluations']:,}", "evaluations", "designs that were simulated"),
    ]
    if result["corners"]:
        cards.append(
            Card(str(len(result["corners"])), "corners", "hold" if result["holds_at_corners"] else "some are broken")
        )
    return Section("At a glance", cards=cards)


def _schematic(data: Values, result: Values) -> Section | None:
    shown = data.get("schematic")
    return Section("Schematic", blocks=[drawing(shown, f"Schematic: {result['title']}")]) if shown else None


def _search(data: Values, result: Values) -> Section | None:
    history, front = data.get("history") or [], result["front"]
    figures = []
    if history:
        figures.append(
            (progress_figure(history, "objective (less is better)"), "Each evaluation, and the best one so far.")
        )
    names = _objectives(front, result)
    if names:
        figures.append((front_figure(front, *names), "Designs that no other beats in both objectives."))
    return Section("Search", figures=figures) if figures else None


def _objectives(front: Sequence[Values], result: Values) -> tuple[str, str] | None:
    """The objective and the other quantity by which the designs of the front rise or fall steadily."""
    first = result["objective"]["name"]
    if len(front) < 2 or first not in front[0]["measured"]:
        return None
    second = result.get("second")
    if second:
        return first, second
    ordered = sorted(front, key=lambda row: row["measured"][first])
    for name in ordered[0]["measured"]:
        values = [row["measured"].get(name) for row in ordered]
        if name == first or any(value is None for value in values):
            continue
        rising = all(a < b for a, b in itertools.pairwise(values))
        falling = all(a > b for a, b in itertools.pairwise(values))
        if rising or falling:
            return first, name
    return None


def _plots(data: Values) -> Section | None:
    plots = data.get("plots") or []
    return Section("Behaviour", figures=[(plot_figure(plot), plot["title"]) for plot in plots]) if plots else None


def _values(result: Values) -> Section:
    rows = [(name, engineering(value, "", 4).strip()) for name, value in result["values"].items()]
    measured = [(words(name), _plain(value)) for name, value in result["measured"].items()]
    return Section("The best design", table=Table(("variable or quantity", "value"), [*rows, *measured]))


def _corners(result: Values) -> Section | None:
    if not result["corners"]:
        return None
    columns = list(dict.fromkeys(name for row in result["corners"] for name in row))
    rows = [[_plain(row.get(name)) for name in columns] for row in result["corners"]]
    return Section("Corners", table=Table([words(name) for name in columns], rows))


def _plain(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
