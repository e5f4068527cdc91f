"""The pages of a run and of an exploration: real results in, one file out that opens offline and hides nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop import accelerator
from lightloop.report.accelerator_figures import group_of, grouped, run_figures
from lightloop.report.accelerator_page import run_page
from lightloop.report.exploration_page import exploration_figures, exploration_page
from lightloop.report.page import render
from lightloop.report.static import write_images

ROUNDING = 1e-9  # sums of a dozen doubles
SPREAD = {"q05": 4.0, "q25": 4.5, "q50": 5.0, "q75": 5.5, "q95": 6.5}
LIMITS = {
    "claimed_bits": 4,
    "feasible": False,
    "enob": {"shot": 6.05, "thermal": None, "adc": 4.9, "total": 3.5},
    "ladder": [{"name": "shot_noise", "energy_aj_per_mac": 49.2, "ratio": 6330.0}],
    "components": [{"name": "light", "energy_aj_per_mac": 11600.0, "floor_aj_per_mac": 650.0, "ratio": 17.9}],
    "remarks": ["light: <b>6.05</b> bits by shot noise"],
}
UNCERTAINTY = {
    "samples": 100,
    "metrics": {"energy_mj": SPREAD},
    "tornado": [
        {"name": "tia.power", "unit": "mW", "low": 2, "high": 4, "energy_low_mj": 4.9, "energy_high_mj": 5.9},
    ],
}
SECTIONS = ["At a glance", "Where the energy goes", "Layers", "Memory", "When", "Link budget", "Limits of physics"]


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    machine = accelerator.machine("lt-base")
    result = accelerator.simulate(machine, accelerator.workload("deit-base"))
    return {
        "result": result.to_dict() | {"workload": "deit-base <i>x</i>"},
        "description": accelerator.describe(machine).to_dict(),
        "schedule": [interval.to_dict() for interval in result.timeline],
        "limits": LIMITS,
        "uncertainty": UNCERTAINTY,
    }


@pytest.fixture(scope="module")
def html(run: dict[str, Any]) -> str:
    return render(run_page(**run))


def test_the_page_asks_nothing_of_the_network(html: str) -> None:
    own = re.sub(r"<script>\s*/\*\*.*?</script>", "", html, flags=re.S)  # plotly itself
    assert len(own) < len(html) / 2
    assert not re.search(r"https?://|(?:src|href)\s*=\s*[\"']?//", own)
    assert "showSendToCloud: false" in html  # else plotly offers to send the figure away


def test_text_of_the_page_is_escaped(html: str) -> None:
    assert "deit-base &lt;i&gt;x&lt;/i&gt; on lt-base" in html
    assert "Light: &lt;b&gt;6.05&lt;/b&gt; bits" in html
    assert "<i>x</i>" not in html


def test_every_part_that_is_given_has_its_section(run: dict[str, Any]) -> None:
    assert [section.title for section in run_page(**run).sections] == [*SECTIONS, "How sure"]


def test_what_is_not_given_is_left_out(run: dict[str, Any]) -> None:
    description = {key: value for key, value in run["description"].items() if key != "link"}
    result = {key: value for key, value in run["result"].items() if key != "memory"}
    page = run_page(result, description=description)
    assert [section.title for section in page.sections] == SECTIONS[:3]
    assert set(run_figures(result, description=description)) == {"energy", "shares", "layers"}


def test_what_was_not_counted_is_said(run: dict[str, Any]) -> None:
    result = run["result"] | {"skipped": ("attn.scores",), "unpriced": {"fft": 0.021}}
    section = run_page(**(run | {"result": result})).sections[-1]
    assert section.title == "Not counted" and section.table is not None
    assert [row[0] for row in section.table.rows] == ["attn.scores", "fft"]
    assert "2.10%" in section.table.rows[1][1]


def test_the_table_holds_every_layer(run: dict[str, Any]) -> None:
    table = next(s for s in run_page(**run).sections if s.title == "Layers").table
    assert table is not None and table.filterable
    assert [row[0] for row in table.rows] == [layer["name"] for layer in run["result"]["layers"]]


def test_figures_add_up_to_the_energy(run: dict[str, Any]) -> None:
    result = run["result"]
    figures = run_figures(**run)
    assert figures["energy"]["data"][0]["values"][0] == pytest.approx(result["energy_mj"], rel=ROUNDING)
    drawn = sum(value for trace in figures["layers"]["data"] for value in trace["x"])
    assert drawn == pytest.approx(result["energy_mj"], rel=ROUNDING)
    raw = sum(trace["customdata"][0][0] for trace in figures["shares"]["data"])
    assert raw == pytest.approx(result["energy_mj"], rel=ROUNDING)
    for row in range(3):
        assert sum(trace["x"][row] for trace in figures["shares"]["data"]) == pytest.approx(100, rel=ROUNDING)


def test_light_reaches_the_detector_at_the_level_of_the_budget(run: dict[str, Any]) -> None:
    link = run["description"]["link"]
    figure = run_figures(**run)["link"]
    ends = [trace["y"][1] for trace in figure["data"] if trace.get("mode") == "markers+text"]
    assert min(ends) == pytest.approx(link["detector_dbm"], rel=ROUNDING)


def test_every_figure_of_a_run_becomes_a_picture(run: dict[str, Any], tmp_path: Path) -> None:
    figures = run_figures(**run)
    written = write_images(figures, tmp_path, [".svg"])
    assert [path.stem for path in written] == list(figures) and len(figures) == 10


def test_components_fall_into_the_group_of_their_name() -> None:
    assert group_of("dac_1") == group_of("modulator_2") == "encodings"
    assert group_of("micro_comb") == group_of("laser") == "light"
    assert group_of("adc") == "conversions"
    assert group_of("my_own_part") == "other"
    parts = {"dac_1": 1.0, "dac_2": 2.0, "hbm": 4.0}
    assert grouped(parts) == {"encodings": {"dac_1": 1.0, "dac_2": 2.0}, "memory": {"hbm": 4.0}}


COUNT = 3000


@pytest.fixture(scope="module")
def exploration() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    columns = {
        "design": np.arange(COUNT),
        "core.height": rng.integers(4, 40, COUNT).astype(float),
        "energy_mj": rng.lognormal(0, 1, COUNT),
        "latency_ms": rng.lognormal(0, 1, COUNT),
        "area_mm2": rng.lognormal(3, 1, COUNT),
    }
    feasible = columns["area_mm2"] < 60
    names = ("energy_mj", "latency_ms", "area_mm2")
    costs = np.stack([columns[name] for name in names], axis=1)
    best = [
        i
        for i in np.flatnonzero(feasible)
        if not np.any(feasible & (costs <= costs[i]).all(axis=1) & (costs < costs[i]).any(axis=1))
    ]
    rows = {name: values[best].tolist() for name, values in columns.items()}
    summary = {
        "title": "Cores <1>", "machine": "lt-base", "workloads": [{"name": "deit-tiny", "weight": 2.0}],
        "mode": "strict", "rule": "2^b", "sampling": "random", "objectives": list(names), "designs": COUNT + 7,
        "ruled_out": 7, "impossible": 2, "feasible": int(feasible.sum()), "evaluated": COUNT,
        "refused": {"area_mm2 <= 60": int((~feasible).sum()), "bits <= 8": 0}, "front_size": len(best), "front": rows,
        "best": {names[0]: {name: values[0] for name, values in rows.items()}, names[1]: None},
    }  # fmt: skip
    return {"summary": summary, "designs": columns | {"feasible": feasible}, "front": rows}


def test_an_exploration_draws_feasible_designs_once_and_its_front_whole(exploration: dict[str, Any]) -> None:
    figures = exploration_figures(exploration["summary"], designs=exploration["designs"])
    assert list(figures) == ["energy_mj_latency_ms", "energy_mj_area_mm2", "latency_ms_area_mm2", "refused"]
    numbers = [row[0] for row in figures["energy_mj_latency_ms"]["data"][0]["customdata"]]
    assert len(numbers) == len(set(numbers)) == exploration["summary"]["feasible"]
    assert set(exploration["front"]["design"]) <= set(numbers)


def test_an_exploration_without_its_table_still_shows_the_front(exploration: dict[str, Any]) -> None:
    figure = exploration_figures(exploration["summary"])["energy_mj_latency_ms"]
    assert figure["layout"]["meta"]["of"] == exploration["summary"]["front_size"]


def test_the_page_of_an_exploration_tells_what_became_of_the_designs(exploration: dict[str, Any]) -> None:
    html = render(exploration_page(exploration["summary"], designs=exploration["designs"]))
    for words in (
        "3,007 designs of lt-base for deit-tiny (2x)",
        "Cores &lt;1&gt;",
        "7 designs were ruled out",
        "2 cannot be: their laser",
        "area_mm2 &lt;= 60",
    ):
        assert words in html, words


def test_an_exploration_of_which_nothing_is_feasible_says_so(exploration: dict[str, Any]) -> None:
    summary = exploration["summary"] | {"feasible": 0, "front_size": 0, "front": {}, "best": {"energy_mj": None}}
    designs = exploration["designs"] | {"feasible": np.zeros(COUNT, bool)}
    assert list(exploration_figures(summary, designs=designs)) == ["refused"]
    assert "No design is feasible" in render(exploration_page(summary, designs=designs))


def test_an_exploration_of_one_objective_takes_area_as_its_second_axis(exploration: dict[str, Any]) -> None:
    figures = exploration_figures(exploration["summary"] | {"objectives": ["energy_mj"]})
    assert next(iter(figures)) == "energy_mj_area_mm2"
