"""The report is one file that opens offline, escapes what it is given, and can be rebuilt from the run folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lightloop.report.charts import Line, Point, grouped_bars, lines, pareto, stacked_bars, stacked_columns
from lightloop.report.page import Card, Page, Section, Table, render, write_page

FIGURES = {
    "lines": lines([Line("a", [0, 1, 2], [1.0, 2.0, 3.0], [0.5, 1.5, 2.5], [1.5, 2.5, 3.5])], "x", "y", log_y=True),
    "grouped": grouped_bars({"a": {"x": 1.0, "y": 20.0}, "b": {"x": 2.0}}, "y", log_y=True),
    "columns": stacked_columns({"a": {"x": 1.0}, "b": {"x": 2.0, "y": 1.0}}, "y", unit="MB"),
    "shares": stacked_bars({"a": {"x_1": 1.0, "y": 3.0}, "b": {"x_1": 2.0}}, "x", share=True, unit="mJ"),
    "pareto": pareto({"m": [Point(1, 2, "4b", "detail", 0.1)]}, [(1, 2)], "x", "y", reference=("fp32", 1.5)),
}


@pytest.fixture(scope="module")
def html() -> str:
    section = Section(
        "Numbers <b>",
        ["text & more"],
        [(figure, name) for name, figure in FIGURES.items()],
        [Card("1.5", "label", "note")],
        Table(("a", "b"), [("<script>alert(1)</script>", "file")], filterable=True, links={"file": "file.json"}),
    )
    return render(Page("title", "subtitle", [section], "footer"))


def test_it_asks_nothing_of_the_network(html: str) -> None:
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.S)  # plotly itself speaks of addresses that it never calls
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", own)
    assert "@import" not in own
    assert "Plotly.newPlot" in html


def test_text_is_escaped(html: str) -> None:
    assert "<script>alert(1)" not in html
    assert "Numbers &lt;b&gt;" in html
    assert "text &amp; more" in html


def test_every_figure_is_inside_as_json(html: str) -> None:
    found = re.findall(r'<script type="application/json" data-for="(f\d+-\d+)">(.*?)</script>', html, flags=re.S)
    assert [json.loads(text) for _, text in found] == list(FIGURES.values())
    assert all(f'id="{place}"' in html for place, _ in found)


@pytest.mark.parametrize("name", list(FIGURES))
def test_plotly_accepts_the_figure(name: str) -> None:
    import plotly.graph_objects as go

    go.Figure(FIGURES[name])  # raises on an unknown property


def test_shares_of_a_row_sum_to_a_hundred() -> None:
    for row in range(2):
        assert sum(part["x"][row] for part in FIGURES["shares"]["data"]) == pytest.approx(100)


def test_a_failed_write_leaves_the_old_page(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="JSON"):
        write_page(Page("t", "s", [Section("x", figures=[({"data": [float("nan")]}, "c")])], "f"), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
