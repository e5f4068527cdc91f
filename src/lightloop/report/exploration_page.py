"""The page of an exploration: the cloud of designs, the front, and what the constraints refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from lightloop.report.accelerator_page import footer
from lightloop.report.charts.explored import MOST_POINTS, scatter_designs, told
from lightloop.report.charts.ranked import Bar, ranking
from lightloop.report.charts.words import measure, quantity
from lightloop.report.page import Card, Page, Section, Table
from lightloop.report.theme import Figure

Columns = Mapping[str, Any]
DESIGN, FEASIBLE, LARGEST = "design", "feasible", "max:"
MOST_PLANES, MOST_ROWS = 3, 500


def exploration_figures(
    summary: Mapping[str, Any], *, designs: Columns | None = None, front: Columns | None = None, seed: int = 0
) -> dict[str, Figure]:
    """One plane for each pair of objectives, and the constraints by how many designs they refuse.

    Args:
        summary: As `Exploration.to_dict()`: objectives, counts, `front` and `best`.
        designs: Column -> values of shape (designs,), up to millions; with a column `feasible`, only those are drawn.
        front: The designs that no other beats; None takes those in `summary`.
        seed: Seed of the sample that is drawn of very many designs.

    Returns:
        `X_Y` for each pair of objectives, if any design is possible, and `refused` where a constraint refused anything.
    """
    objectives = [name.removeprefix(LARGEST) for name in summary["objectives"]]
    larger = [name.removeprefix(LARGEST) for name in summary["objectives"] if name.startswith(LARGEST)]
    columns, mask = _together(designs, summary["front"] if front is None else front)
    figures: dict[str, Figure] = {}
    drawable = all(name in columns for name in objectives) and np.isfinite(columns[objectives[0]]).any()
    planes = list(combinations(objectives, 2))[:MOST_PLANES] or [(objectives[0], _another(columns, objectives[0]))]
    for x, y in planes if drawable else []:
        colour = next((name for name in objectives if name not in (x, y) and name in columns), None)
        name = f"{x}_{y}".replace(".", "_")
        figures[name] = scatter_designs(
            columns,
            x,
            y,
            colour=colour,
            front=mask,
            larger=larger,
            most=MOST_POINTS // len(planes),
            total=None if designs is None else summary["feasible"],
            seed=seed,
        )
    refused = {rule: count for rule, count in summary.get("refused", {}).items() if count}
    if refused:
        bars = [Bar(rule, count, f"{count:,}") for rule, count in refused.items()]
        figures["refused"] = ranking(bars, "designs refused")
    return figures


def exploration_page(
    summary: Mapping[str, Any], *, designs: Columns | None = None, front: Columns | None = None, seed: int = 0
) -> Page:
    """The page of an exploration. Arguments as `exploration_figures`."""
    front = summary["front"] if front is None else front
    figures = exploration_figures(summary, designs=designs, front=front, seed=seed)
    planes = [figure for name, figure in figures.items() if name != "refused"]
    sections = [
        _glance(summary),
        _designs(planes),
        _front(front, summary),
        _best(summary),
        _refused(summary, figures),
    ]
    networks = ", ".join(_network(item) for item in summary["workloads"])
    return Page(
        title=str(summary.get("title") or f"Designs of {summary['machine']}"),
        subtitle=f"{summary['designs']:,} designs of {summary['machine']} for {networks}, mode {summary['mode']}.",
        sections=[section for section in sections if section is not None],
        footer=footer(),
    )


def _another(columns: Columns, first: str) -> str:
    """A second axis for an exploration of one objective."""
    return next((name for name in ("area_mm2", "energy_mj", "latency_ms") if name in columns and name != first), first)


def _together(designs: Columns | None, front: Columns) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The feasible designs with those of the front behind them, each once, and a mask of the front."""
    held = {name: np.asarray(values) for name, values in front.items() if name != FEASIBLE}
    size = len(next(iter(held.values()))) if held else 0
    if designs is None:
        return held, np.ones(size, bool)
    cloud = {name: np.asarray(values) for name, values in designs.items()}
    keep = np.asarray(cloud.pop(FEASIBLE, np.ones(len(next(iter(cloud.values()))), bool)), bool)
    if DESIGN in cloud and DESIGN in held:
        keep = keep & ~np.isin(cloud[DESIGN], held[DESIGN])
    names = [name for name in cloud if name in held] if size else list(cloud)
    rest = {name: cloud[name][keep] for name in names}
    joined = {name: np.concatenate([rest[name], held[name]]) if size else rest[name] for name in names}
    return joined, np.arange(int(keep.sum()) + size) >= keep.sum()


def _glance(summary: Mapping[str, Any]) -> Section:
    cards = [
        Card(f"{summary['designs']:,}", "designs", str(summary.get("sampling", ""))),
        Card(f"{summary['feasible']:,}", "feasible", "possible, and within every constraint"),
        Card(f"{summary['front_size']:,}", "on the front", ", ".join(_named(name) for name in summary["objectives"])),
    ]
    for objective, row in summary.get("best", {}).items():
        if row is not None:
            name = objective.removeprefix(LARGEST)
            word = "most" if objective.startswith(LARGEST) else "least"
            cards.append(Card(quantity(name, row[name]), f"{word} {measure(name)[0]}", f"design {row[DESIGN]:,}"))
    return Section("At a glance", cards=cards)


def _named(objective: str) -> str:
    what = measure(objective.removeprefix(LARGEST))[0]
    return f"most {what}" if objective.startswith(LARGEST) else what


def _network(item: Any) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    weight = item.get("weight", 1)
    return str(item["name"]) + (f" ({weight:g}x)" if weight != 1 else "")


def _designs(planes: Sequence[Figure]) -> Section:
    if not planes:
        return Section("Designs", ["No design is feasible. Loosen a constraint, or widen an axis."])
    return Section(
        "Designs",
        [
            "Each point is one design; point at it for its settings. The stair joins the designs that no other "
            "beats in the two figures of the plot. With more than two objectives the front of all of them is "
            "larger than the stair: a design may be there for the sake of an objective that this plot shows only "
            "as colour."
        ],
        [(figure, told(figure)) for figure in planes],
    )


def _front(front: Columns, summary: Mapping[str, Any]) -> Section | None:
    names = [name for name in front if name != FEASIBLE]
    if not names or not len(front[names[0]]):
        return None
    rows = [tuple(_cell(value) for value in row) for row in zip(*(front[name] for name in names), strict=True)]
    count, shown = summary["front_size"], min(len(rows), MOST_ROWS)
    rest = "" if shown == count else f" Listed are {shown:,} of {count:,}; the others are in the files of the run."
    return Section(
        "The front",
        [f"The designs that no other beats in {', '.join(_named(name) for name in summary['objectives'])}.{rest}"],
        table=Table(names, rows[:MOST_ROWS], filterable=True),
    )


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float | np.floating) else str(value)


def _best(summary: Mapping[str, Any]) -> Section | None:
    found: Sequence[tuple[str, Mapping[str, Any]]] = [
        (name, row) for name, row in summary.get("best", {}).items() if row
    ]
    if not found:
        return None
    names = [name for name in found[0][1] if name != FEASIBLE]
    rows = [(_named(objective), *(_cell(row[name]) for name in names)) for objective, row in found]
    return Section("Best of each", table=Table(("Best in", *names), rows))


def _refused(summary: Mapping[str, Any], figures: Mapping[str, Figure]) -> Section | None:
    told_too = []
    if summary.get("ruled_out"):
        told_too.append(f"{summary['ruled_out']:,} designs were ruled out by their settings alone and never computed.")
    if summary.get("impossible"):
        told_too.append(f"{summary['impossible']:,} cannot be: their laser would need more than a megawatt.")
    if not told_too and "refused" not in figures:
        return None
    shown = (
        [(figures["refused"], "A design that two constraints refuse counts in both.")] if "refused" in figures else []
    )
    return Section("What was refused", [" ".join(told_too)] if told_too else (), shown)
