"""The figures of a sweep, for a page and for print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightloop.report.charts.costs import costs
from lightloop.report.charts.rates import Swept, swept
from lightloop.report.charts.tradeoff import Point
from lightloop.report.static import write_image
from lightloop.report.sweep_figures import sweep_figures
from lightloop.report.sweep_page import sweep_page
from lightloop.report.theme import colour_of

MADE_BY = {"python": "3", "platform": "any", "packages": {"lightloop": "1"}}
ALL = {"learning_curves", "last_half", "learning_rates", "memory"}
SETTINGS: dict[str, Any] = {"model": {}, "text": {}, "train": {}}


def case(name: str, loss: float | None, size: int | None, **more: Any) -> dict[str, Any]:
    """A case of `SweepResult.to_dict()` with one learning rate."""
    run = {"case": name, "lr": 0.1, "seed": 0, "folder": f"runs/{name}", "loss": loss, "seconds": 1.0}
    run["diverged"] = "diverged" if loss is None else None
    spread = {"mean": loss, "lowest": loss, "highest": loss, "standard_error": None, "seeds": 1}
    steps = [] if loss is None else [1.0, 2.0, 3.0, 4.0]
    return {
        "name": name,
        "best_lr": None if loss is None else 0.1,
        **(dict.fromkeys(spread) if loss is None else spread),
        "edge": "only",
        "difference": None,
        "optimizer_bytes": size,
        "seconds": 1.0,
        "curve": {key: list(steps) for key in ("step", "mean", "lowest", "highest")},
        "rates": [{"lr": 0.1, "loss": None if loss is None else spread, "diverged": int(loss is None), "runs": [run]}],
    } | more


def result(*cases: dict[str, Any]) -> dict[str, Any]:
    about = {"baseline": cases[0]["name"], "seeds": [0], "parameters": 10, "tokens_seen": 5, "remarks": []}
    return about | {"cases": list(cases)}


def test_what_costs_nothing_has_no_place_on_a_logarithmic_axis_but_keeps_its_colour() -> None:
    found = costs([Point(0.0, 1.0, "sgd", ""), Point(2.0, 1.0, "adamw", ""), Point(1.0, 2.0, "mini", "")], "x", "y")
    front, adamw, mini = found["data"]
    assert (adamw["name"], adamw["marker"]["color"]) == ("adamw", colour_of(1))
    assert (front["x"], front["y"]) == ([1.0, 2.0], [2.0, 1.0])
    assert mini["marker"]["color"] == colour_of(2)


def test_equal_memory_does_not_put_one_name_on_the_other() -> None:
    close = [Point(1.0, 3.000, "apollo", ""), Point(1.0, 3.001, "apollo-sparse", ""), Point(4.0, 3.5, "adamw", "")]
    sides = [trace.get("textposition") for trace in costs(close, "x", "y")["data"][1:] if "text" in trace["mode"]]
    assert len(set(sides[:2])) == 2


def test_a_rate_at_which_every_seed_diverged_is_a_cross_above_the_curves() -> None:
    one = Swept("sgd", [0.1, 1.0], [3.0, 2.0], [0.1, 0.2], best=1, lost=[10.0])
    curve, cross = swept([one], "learning rate", "loss")["data"]
    assert curve["marker"]["size"] == [6, 11]
    assert cross["x"] == [10.0] and cross["y"][0] > 3.0 and cross["marker"]["symbol"] == "x"


def test_the_closer_look_begins_in_the_middle() -> None:
    figures = sweep_figures(result(case("adamw", 2.0, 100)))
    assert figures["learning_curves"]["data"][0]["x"] == [1, 2, 3, 4]
    assert figures["last_half"]["data"][0]["x"] == [2, 3, 4]


@pytest.mark.parametrize(
    ("cases", "names"),
    [
        ([case("adamw", 2.0, 100), case("sgd", 3.0, 0)], ALL),
        ([case("sgd", 3.0, 0)], ALL - {"memory"}),
        ([case("sgd", None, None)], set()),
        (
            [case(f"c{n}", 2.0, 100 + n) for n in range(20)],
            {"learning_curves", "last_half", "learning_rates", "memory"},
        ),
    ],
)
def test_every_figure_is_drawn_for_a_page_and_for_print(
    cases: list[dict[str, Any]], names: set[str], tmp_path: Path
) -> None:
    found = result(*cases)
    figures = sweep_figures(found)
    assert figures.keys() == names
    for name, figure in figures.items():
        assert write_image(figure, tmp_path / f"{name}.svg").stat().st_size > 1000
    page = sweep_page(found, SETTINGS, MADE_BY)
    assert sum(len(section.figures) for section in page.sections) == len(names)


def test_a_case_without_state_is_named_beside_the_axis() -> None:
    page = sweep_page(result(case("adamw", 2.0, 100), case("sgd", 3.0, 0)), SETTINGS, MADE_BY)
    text = " ".join(line for section in page.sections for line in section.text)
    assert "beside the axis: sgd" in text
