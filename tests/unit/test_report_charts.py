"""The kinds of chart: what goes in comes out, plotly takes every one of them, and each is drawn without a browser."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.report import charts
from lightloop.report.charts.explored import front_of, thin, told
from lightloop.report.charts.scales import scale
from lightloop.report.charts.words import in_bytes, measure, quantity, times
from lightloop.report.static import draw, write_image, write_images

ROUNDING = 1e-12  # sums of a few doubles
TREE = {"memory": {"hbm": 1.3, "local_buffer": 0.55}, "light": {"laser": 0.2, "comb": 0.0}, "digital": 0.02}
STAGES = [
    charts.LinkStage("split", 21.6, "split"),
    charts.LinkStage("mzm", 1.2, "modulation"),
    charts.LinkStage("coupler", 0.33, "computation"),
]
POINTS = [
    charts.RoofPoint("qkv", 390.0, 66e12, 62e-6, "hbm"),
    charts.RoofPoint("head", 4.0, 1e12, 1e-6, "hbm"),
    charts.RoofPoint("scores", 60.0, 48e12, 7e-6, "buffer"),
    charts.RoofPoint("no bytes", math.inf, 1e12, 1e-6, "hbm"),
]
ROOFS = {"hbm": 1e12, "buffer": 7e12}
ROWS = [
    {"name": "qkv", "kind": "linear", "lane": "optics", "start_us": 0.0, "end_us": 3.0},
    {"name": "qkv", "kind": "linear", "lane": "memory", "start_us": 0.0, "end_us": 1.0},
    {"name": "proj", "kind": "linear", "lane": "memory", "start_us": 0.5, "end_us": 1.5},
    {"name": "softmax", "lane": "vector", "start_us": 3.0, "end_us": 4.0},
]
SWINGS = [
    {"name": "tia.power", "unit": "mW", "low": 2, "high": 4, "energy_low_mj": 4.9, "energy_high_mj": 5.2},
    {"name": "hbm.energy", "unit": "pJ/B", "low": 12, "high": 62, "energy_low_mj": 4.0, "energy_high_mj": 6.5},
    {"name": "laser.plug", "unit": "1", "low": 0.1, "high": 0.3, "energy_low_mj": 5.4, "energy_high_mj": 5.1},
]
SPREAD = {"q05": 4.0, "q25": 4.5, "q50": 5.0, "q75": 5.5, "q95": 6.5}
BAND = charts.Band("lt-base", [2.0, 4.0, 8.0], {key: [value, 2 * value, 9 * value] for key, value in SPREAD.items()})
LADDER = [
    {"name": "with_loss", "energy_aj_per_mac": 130.0, "ratio": 2400.0},
    {"name": "shot_noise", "energy_aj_per_mac": 49.2, "ratio": 6330.0},
]
COMPONENTS = [
    {"name": "light", "energy_aj_per_mac": 11600.0, "floor_aj_per_mac": 650.0, "ratio": 17.9},
    {"name": "receivers", "energy_aj_per_mac": 45000.0, "floor_aj_per_mac": None, "ratio": None},
]


def designs(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    size = rng.integers(4, 40, count)
    energy = 20 / size * rng.lognormal(0, 0.3, count)
    energy[: count // 50] = np.nan
    return {"energy_mj": energy, "latency_ms": size * rng.lognormal(0, 0.3, count), "core.height": size}


CLOUD = designs(1000)
FIGURES: dict[str, dict[str, Any]] = {
    "sunburst": charts.sunburst(TREE, "mJ", whole="energy"),
    "roofline": charts.roofline(POINTS, 138e12, ROOFS),
    "waterfall": charts.waterfall([charts.LinkPath("dot product", 14.0, STAGES)], -25.0),
    "two paths": charts.waterfall(
        [charts.LinkPath("left", 14.0, STAGES), charts.LinkPath("right", 14.0, STAGES * 2)], -25.0
    ),
    "gantt": charts.gantt(ROWS),
    "tornado": charts.tornado(SWINGS, 5.0),
    "bands": charts.bands([BAND], "bits", "energy (mJ)", log_y=True),
    "intervals": charts.intervals({"energy_mj": SPREAD, "area_mm2": SPREAD}),
    "floors": charts.floors(LADDER, COMPONENTS),
    "ranking": charts.ranking([charts.Bar("a", 1.0, "1 mJ", "linear")], "mJ", reference=("claimed", 2.0)),
    "designs": charts.scatter_designs(CLOUD, "energy_mj", "latency_ms", colour="core.height"),
    "many designs": charts.scatter_designs(designs(4000), "energy_mj", "latency_ms"),
    "lines": charts.lines([charts.Line("a", [0, 1], [1.0, 2.0], [0.5, 1.5], [1.5, 2.5])], "x", "y", log_y=True),
    "grouped": charts.grouped_bars({"a": {"x": 1.0, "y": 20.0}, "b": {"x": 2.0}}, "y", log_y=True),
    "columns": charts.stacked_columns({"a": {"x": 1.0}, "b": {"x": 2.0, "y": 1.0}}, "y", unit="MB"),
    "shares": charts.stacked_bars({"a": {"x_1": 1.0, "y": 3.0}, "b": {"x_1": 2.0}}, "x", share=True, unit="mJ"),
    "pareto": charts.pareto(
        {"m": [charts.Point(1, 2, "4b", "detail", 0.1)]}, [(1, 2), (3, 1)], "x", "y", reference=("fp32", 1.5)
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_chart(name: str) -> None:
    import plotly.graph_objects as go

    go.Figure(FIGURES[name])  # raises on an unknown property or value
    json.dumps(FIGURES[name], allow_nan=False)


@pytest.mark.parametrize("name", FIGURES)
def test_every_chart_is_drawn_without_a_browser(name: str, tmp_path: Path) -> None:
    picture = write_image(FIGURES[name], tmp_path / "x.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    width, height = np.frombuffer(picture.read_bytes()[16:24], ">u4")
    assert (width, height) == (2000, 2 * FIGURES[name]["layout"]["height"])
    assert list(tmp_path.iterdir()) == [picture]  # nothing temporary is left


@pytest.mark.parametrize("name", ["sunburst", "roofline", "many designs"])
def test_the_same_figure_gives_the_same_svg(name: str, tmp_path: Path) -> None:
    first, second = write_images({"a": FIGURES[name], "b": FIGURES[name]}, tmp_path, [".svg"])
    assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()
    assert not re.search(rb'(?:href|src)="(?!#|data:)', first.read_bytes())


def test_what_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    odd = {
        "data": [{"type": "violin"}, {"type": "bar", "x": [1], "y": [1], "pattern": {}}, {"mode": "lines+spin"}],
        "layout": {"sliders": []},
    }
    with pytest.raises(InputError) as caught:
        write_image(odd, tmp_path / "x.png")
    for word in ("violin", "'pattern'", "'spin'", "'sliders'"):
        assert word in caught.value.message
    with pytest.raises(InputError, match=r"\.pdf"):
        write_image(FIGURES["lines"], tmp_path / "x.pdf")
    assert not list(tmp_path.iterdir())


def test_no_two_texts_of_a_picture_overlap() -> None:
    for name in ("roofline", "two paths", "floors", "tornado", "intervals", "gantt", "sunburst"):
        drawn = draw(FIGURES[name])
        drawn.draw_without_rendering()
        boxes = [
            (text.get_text(), text.get_window_extent())
            for axes in drawn.axes
            for text in (*axes.texts, *(axes.get_xticklabels() + axes.get_yticklabels() if axes.axison else ()))
            if text.get_text().strip() and not text.get_rotation()
        ]
        clashes = [(a, b) for i, (a, one) in enumerate(boxes) for b, two in boxes[:i] if one.overlaps(two)]
        assert not clashes, (name, clashes)


def test_the_legend_of_a_picture_stays_inside() -> None:
    names = {f"a component with a long name {i}": float(i + 1) for i in range(14)}
    drawn = draw(charts.stacked_bars({"row": names}, "x"))
    drawn.draw_without_rendering()
    box = drawn.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= drawn.bbox.width


def test_groups_of_the_rings_are_the_sums_of_their_parts() -> None:
    trace = FIGURES["sunburst"]["data"][0]
    values = dict(zip(trace["ids"], trace["values"], strict=True))
    children: dict[str, list[float]] = {}
    for own, parent in zip(trace["ids"], trace["parents"], strict=True):
        children.setdefault(parent, []).append(values[own])
    for own, parts in children.items():
        if own:
            assert values[own] == sum(parts)  # exactly: a browser refuses a parent smaller than its children
    assert values["/"] == pytest.approx(1.3 + 0.55 + 0.2 + 0.02, rel=ROUNDING)
    assert "comb" not in trace["labels"]  # nothing to see
    same = charts.sunburst({"a": {"b/c": 1.0}, "a/b": {"c": 2.0}}, "mJ")["data"][0]
    assert len(set(same["ids"])) == 5


def test_amounts_below_zero_have_no_place_in_rings() -> None:
    with pytest.raises(InputError, match="memory > hbm = -1"):
        charts.sunburst({"memory": {"hbm": -1.0}}, "mJ")


def test_a_stack_is_as_high_as_what_went_in() -> None:
    rows = {"a": {"x": 1.0, "y": 2.5}, "b": {"y": 4.0}}
    data = charts.stacked_bars(rows, "x", unit={"a": "mJ", "b": "mW"})["data"]
    for place, row in enumerate(rows.values()):
        assert sum(part["x"][place] for part in data) == pytest.approx(sum(row.values()), rel=ROUNDING)
    assert {tuple(part["customdata"][place][1] for place in (0, 1)) for part in data} == {("mJ", "mW")}


def test_the_roof_bends_where_bandwidth_meets_the_peak() -> None:
    roof = next(trace for trace in FIGURES["roofline"]["data"] if trace["name"].startswith("hbm"))
    assert roof["x"][1] == pytest.approx(138e12 / 1e12, rel=ROUNDING)
    assert roof["y"][1] == pytest.approx(138e12, rel=ROUNDING)
    assert roof["y"][0] / roof["x"][0] == pytest.approx(1e12, rel=ROUNDING)


def test_marker_areas_on_the_roofline_go_as_time() -> None:
    points = [charts.RoofPoint(name, 10.0, 1e12, time_s, "hbm") for name, time_s in (("a", 4e-6), ("b", 1e-6))]
    marker = charts.roofline(points, 1e13, {"hbm": 1e12})["data"][-1]["marker"]
    assert (marker["size"][0] / marker["size"][1]) ** 2 == pytest.approx(4, rel=ROUNDING)


def test_layers_without_bytes_have_no_place_on_the_roofline() -> None:
    drawn = [name for trace in FIGURES["roofline"]["data"] for name, *_ in trace.get("customdata", [])]
    assert sorted(drawn) == ["head", "qkv", "scores"]
    with pytest.raises(InputError, match=r"hbm = 0.*points at disk"):
        charts.roofline([charts.RoofPoint("x", 1, 1, 1, "disk")], 1e12, {"hbm": 0.0})


def test_light_falls_by_the_sum_of_the_losses() -> None:
    path = charts.LinkPath("p", 14.0, STAGES)
    assert path.end_dbm == pytest.approx(14.0 - 21.6 - 1.2 - 0.33, rel=ROUNDING)
    bars = [trace for trace in FIGURES["waterfall"]["data"] if trace["type"] == "bar"]
    assert sum(value for bar in bars for value in bar["y"]) == pytest.approx(21.6 + 1.2 + 0.33, rel=ROUNDING)
    assert min(value for bar in bars for value in bar["base"]) == pytest.approx(path.end_dbm, rel=ROUNDING)


def test_the_margin_is_what_is_left_above_the_sensitivity() -> None:
    texts = [text for trace in FIGURES["two paths"]["data"] for text in trace.get("text", [])]
    assert any("margin 15.9 dB" in text for text in texts)  # 14 - 23.13 + 25
    assert any("missing 7.3 dB" in text for text in texts)  # 14 - 46.26 + 25


def test_overlapping_work_is_busy_once() -> None:
    ticks = FIGURES["gantt"]["layout"]["yaxis"]["ticktext"]
    assert ticks == ["optics<br>75% busy", "memory<br>38% busy", "element-wise<br>25% busy"]


@pytest.mark.parametrize(("end_us", "unit"), [(3e-3, "ns"), (40.0, "µs"), (2500.0, "ms"), (4e6, "s")])
def test_time_is_told_in_the_unit_that_reads_best(end_us: float, unit: str) -> None:
    figure = charts.gantt([{"name": "a", "lane": "optics", "start_us": 0.0, "end_us": end_us}])
    assert figure["layout"]["xaxis"]["title"]["text"] == f"time ({unit})"
    assert 1 <= figure["data"][0]["x"][0] < 1000


def test_three_hundred_bars_keep_their_names_under_the_pointer() -> None:
    rows = [
        {"name": f"layer {i}", "kind": "linear", "lane": "optics", "start_us": float(i), "end_us": i + 1.0}
        for i in range(300)
    ]
    bars = charts.gantt(rows)["data"][0]
    assert [detail[0] for detail in bars["customdata"]] == [row["name"] for row in rows]
    assert not any(bars["text"]) and bars["marker"]["line"]["width"] == 0


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(InputError, match="late"):
        charts.gantt([{"name": "late", "lane": "optics", "start_us": 2.0, "end_us": 1.0}])


def test_the_strongest_constant_is_on_top() -> None:
    layout = FIGURES["tornado"]["layout"]
    assert layout["yaxis"]["ticktext"] == ["hbm.energy", "laser.plug", "tia.power"]
    low, high = FIGURES["tornado"]["data"][:2]
    ends = [base + length for bars in (low, high) for base, length in zip(bars["base"], bars["x"], strict=True)]
    assert ends == pytest.approx([4.0, 5.4, 4.9, 6.5, 5.1, 5.2])
    assert charts.tornado(SWINGS, 5.0, most=2)["layout"]["meta"] == {"shown": 2, "of": 3}


def test_an_end_that_cannot_be_has_no_bar_and_says_so() -> None:
    figure = charts.tornado([*SWINGS, SWINGS[0] | {"name": "mzm.loss", "energy_high_mj": None}], 5.0)
    assert figure["layout"]["yaxis"]["ticktext"][0] == "mzm.loss"
    assert figure["data"][1]["x"][0] == 0.0 and "cannot be" in figure["data"][3]["text"][0]
    draw(figure)


def test_the_nominal_figure_may_lie_outside_its_band() -> None:
    figure = charts.intervals({"energy_mj": SPREAD | {"nominal": 8.0}})
    marks = next(trace for trace in figure["data"] if trace.get("name") == "nominal")
    assert marks["x"] == [160.0] and figure["layout"]["xaxis"]["range"][1] > 160
    draw(figure)


def test_quantiles_are_shares_of_the_median() -> None:
    wide, narrow = FIGURES["intervals"]["data"][:2]
    assert (wide["base"][0], wide["x"][0]) == pytest.approx((80.0, 50.0))
    assert (narrow["base"][0], narrow["x"][0]) == pytest.approx((90.0, 20.0))
    with pytest.raises(InputError, match="q95"):
        charts.intervals({"energy_mj": dict.fromkeys(("q05", "q25", "q50", "q75"), 1.0)})


def test_floors_rise_from_the_deepest_and_components_fall_from_the_dearest() -> None:
    names = FIGURES["floors"]["layout"]["yaxis"]["ticktext"]
    assert names == ["shot noise", "with loss", "receivers", "light"]
    design = next(trace for trace in FIGURES["floors"]["data"] if trace.get("name") == "this design")
    assert design["x"] == pytest.approx([45e-15, 11.6e-15])
    assert "17.9x its floor" in design["text"][1] and "floor" not in design["text"][0]


def test_what_a_ranking_leaves_out_is_added_up() -> None:
    bars = [charts.Bar(str(i), float(i), "") for i in range(10)]
    figure = charts.ranking(bars, "x", most=4)
    assert figure["data"][0]["x"] == [9.0, 8.0, 7.0, 6.0]
    assert figure["layout"]["meta"] == {"shown": 4, "of": 10, "others": 15.0}


def test_the_front_is_what_no_design_beats() -> None:
    x, y = CLOUD["energy_mj"], CLOUD["latency_ms"]
    brute = [
        i for i in np.flatnonzero(np.isfinite(x)) if not np.any((x <= x[i]) & (y <= y[i]) & ((x < x[i]) | (y < y[i])))
    ]
    assert sorted(front_of(x, y).tolist()) == brute


def test_thinning_keeps_the_whole_front_and_the_density() -> None:
    cloud = designs(60_000)
    figure = charts.scatter_designs(cloud, "energy_mj", "latency_ms", most=6000)
    drawn = figure["data"][0]
    front = front_of(cloud["energy_mj"], cloud["latency_ms"])
    shown = set(zip(drawn["x"], drawn["y"], strict=True))
    assert all((float(f"{cloud['energy_mj'][i]:.6g}"), float(f"{cloud['latency_ms'][i]:.6g}")) in shown for i in front)
    possible = int(np.isfinite(cloud["energy_mj"]).sum())
    assert figure["layout"]["meta"] == {
        "shown": 6000, "of": possible, "impossible": 60_000 - possible, "front": len(front),
    }  # fmt: skip
    assert len(drawn["x"]) == 6000 and "6,000 of 58,800 possible designs" in told(figure)
    # A uniform sample of n keeps a share p to within sqrt(p (1 - p) / n); five of these is one seed in a million.
    whole = np.nanmean(cloud["energy_mj"] < 1.0)
    assert abs(np.mean(np.array(drawn["x"]) < 1.0) - whole) < 5 * math.sqrt(whole * (1 - whole) / 6000)


def test_a_front_larger_than_the_limit_stays_whole() -> None:
    keep = np.arange(100) < 30
    assert thin(np.ones(100, bool), keep, 10, 0).tolist() == list(range(30))


def test_the_same_seed_draws_the_same_designs() -> None:
    cloud = designs(5000)
    draws = [charts.scatter_designs(cloud, "energy_mj", "latency_ms", most=500, seed=seed) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_where_more_is_better_the_front_turns_round() -> None:
    columns = {"area_mm2": np.array([1.0, 2.0, 3.0]), "clock_ghz": np.array([1.0, 5.0, 4.0])}
    figure = charts.scatter_designs(columns, "area_mm2", "clock_ghz", larger=["clock_ghz"])
    assert figure["data"][2]["x"] == [1.0, 2.0]
    with pytest.raises(InputError, match="speed"):
        charts.scatter_designs(columns, "area_mm2", "speed")


def test_names_are_escaped_in_figures() -> None:
    evil = "<a href='x'>n</a>"
    figures = [
        charts.sunburst({evil: 1.0}, "mJ"),
        charts.gantt([{"name": evil, "lane": "optics", "start_us": 0.0, "end_us": 1.0}]),
        charts.ranking([charts.Bar(evil, 1.0, "")], "x"),
        charts.waterfall([charts.LinkPath(evil, 1.0, [charts.LinkStage(evil, 1.0, evil)])] * 2, 0.0),
        charts.stacked_bars({evil: {evil: 1.0}}, "x"),
        charts.tornado([SWINGS[0] | {"name": evil}], 5.0),
        charts.roofline([charts.RoofPoint(evil, 1.0, 1e9, 1.0, "hbm")], 1e10, {"hbm": 1e9}),
        charts.floors([LADDER[0] | {"name": evil}]),
    ]
    for figure in figures:
        assert "<a " not in json.dumps(figure["data"]) + json.dumps(figure["layout"])


def test_dollars_and_entities_are_drawn_as_they_are() -> None:
    drawn = draw(charts.ranking([charts.Bar("a < b & $x_1$", 1.0, "5 $")], "x"))
    assert drawn.axes[0].get_yticklabels()[0].get_text() == "a < b & $x_1$"
    drawn.draw_without_rendering()


@pytest.mark.parametrize("reach", [(1.0, 8.0), (1.0, 900.0), (1e-18, 1e-12), (1e-22, 1e-6)])
def test_logarithmic_axes_have_a_few_labels(reach: tuple[float, float]) -> None:
    ticks = [tick for tick in scale(True, reach)["tickvals"] if reach[0] <= tick <= reach[1]]
    assert 2 <= len(ticks) <= 12


def test_quantities_are_told_with_the_unit_of_their_name() -> None:
    assert measure("energy_mj.deit_tiny") == ("energy, deit tiny", "mJ")
    assert measure("device.mzm.loss_db") == ("device.mzm.loss", "dB")
    assert measure("core.height") == ("core.height", "")
    assert quantity("latency_ms", 0.2677) == "267.7 µs"
    assert [in_bytes(count) for count in (0, 1023, 1536, 24 * 2**30)] == ["0 B", "1023 B", "1.5 KiB", "24 GiB"]
    assert [times(ratio) for ratio in (17.87, 999.6, 35750.0)] == ["17.9x", "1,000x", "35,800x"]
