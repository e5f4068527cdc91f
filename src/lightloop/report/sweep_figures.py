"""The figures of a sweep: learning curves, loss against learning rate, loss against memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightloop.report.charts.costs import costs
from lightloop.report.charts.curves import Line, lines
from lightloop.report.charts.rates import Swept, dash_of, swept
from lightloop.report.charts.tradeoff import Point
from lightloop.report.charts.words import plain
from lightloop.report.theme import Figure

Values = Mapping[str, Any]
MEGA = 1e6
TAIL = 0.5  # part of the run that the closer look shows


def sweep_figures(result: Values) -> dict[str, Figure]:
    """The figures of a sweep.

    Args:
        result: As `SweepResult.to_dict()`.

    Returns:
        `learning_curves` and `last_half` (each case at its best learning rate), `learning_rates` and `memory`;
        without those that no run could give.
    """
    cases = [case for case in result["cases"] if case["curve"]["step"]]
    figures: dict[str, Figure] = {}
    if cases:
        figures["learning_curves"] = _curves(result["cases"], 0.0)
        figures["last_half"] = _curves(result["cases"], TAIL)
    if any(rate["loss"] for case in result["cases"] for rate in case["rates"]):
        figures["learning_rates"] = _rates(result["cases"])
    if any(case["optimizer_bytes"] for case in cases):
        figures["memory"] = _memory(result["cases"])
    return figures


def _curves(cases: Sequence[Values], begin: float) -> Figure:
    """Mean over the seeds, with the range from lowest to highest, from a part of the run on."""
    found = []
    for index, case in enumerate(cases):
        curve = case["curve"]
        if not curve["step"]:
            continue
        keep = [place for place, step in enumerate(curve["step"]) if step >= begin * curve["step"][-1]]
        parts = {key: [curve[key][place] for place in keep] for key in curve}
        band = case["seeds"] > 1
        found.append(
            Line(
                plain(f"{case['name']}, lr {case['best_lr']:g}"),
                parts["step"],
                parts["mean"],
                parts["lowest"] if band else None,
                parts["highest"] if band else None,
                dash=dash_of(index),
                colour=index,
            )
        )
    return lines(found, "step", "held-out loss (nats per token)")


def _rates(cases: Sequence[Values]) -> Figure:
    return swept([_swept(case) for case in cases], "learning rate", "held-out loss (nats per token)")


def _swept(case: Values) -> Swept:
    ended = [rate for rate in case["rates"] if rate["loss"]]
    rates = [rate["lr"] for rate in ended]
    return Swept(
        case["name"],
        rates,
        [rate["loss"]["mean"] for rate in ended],
        [rate["loss"]["standard_error"] or 0.0 for rate in ended],
        best=rates.index(case["best_lr"]) if case["best_lr"] in rates else None,
        lost=[rate["lr"] for rate in case["rates"] if not rate["loss"]],
    )


def _memory(cases: Sequence[Values]) -> Figure:
    points = [_point(case) for case in cases]
    return costs(points, "optimizer state (MB)", "held-out loss (nats per token)")


def _point(case: Values) -> Point:
    """Where a case stands; one that diverged or keeps no state costs nothing, and is not drawn."""
    if not case["optimizer_bytes"]:
        return Point(0.0, 0.0, case["name"], "")
    size = case["optimizer_bytes"] / MEGA
    detail = f"<b>{plain(case['name'])}</b><br>{case['mean']:.4f} nats per token<br>{size:.4g} MB of state"
    return Point(size, case["mean"], case["name"], detail, case["standard_error"] or 0.0)
