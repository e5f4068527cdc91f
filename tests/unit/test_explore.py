"""An exploration evaluates the designs that the space says, as single runs would, and finds those that none beats."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from lightloop import accelerator
from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.outcome import CLOUD, Exploration
from lightloop.accelerator.exploration.sampling import Designs
from lightloop.accelerator.exploration.space import Space, load_space
from lightloop.accelerator.receiver import receiver

SAME = 1e-12  # the bar of the issue: figures of an exploration and of a single run
AXES = {"core.height": [4, 8, 12], "core.width": [8, 12], "clock_ghz": [2.5, 5.0], "device.mzm.loss_db": [0.6, 1.2]}
NUMBERED = ("core.height", "core.width", "clock_ghz", "device.mzm.loss_db")


def space(**changes: Any) -> Space:
    return Space.model_validate({"machine": "lt-base", "workloads": ["deit-tiny"], "axes": AXES} | changes)


def table(found: Exploration) -> dict[str, np.ndarray]:
    read = pq.read_table(found.folder / "designs.parquet")
    return {name: np.array(read.column(name).to_pylist()) for name in read.column_names}


def test_its_figures_are_those_of_single_runs(tmp_path: Path) -> None:
    networks = [{"name": "deit-tiny", "weight": 3}, {"name": "bert-base", "tokens": 128, "label": "sentence"}]
    found = table(explore(space(workloads=networks, bits=[4, 8], chunk=7), tmp_path / "run"))
    assert len(found["design"]) == 48
    for row in range(0, 48, 5):
        overrides = {key: float(found[key][row]) for key in NUMBERED}
        m = accelerator.machine("lt-base", bits=int(found["bits"][row]), **overrides)
        tiny = accelerator.simulate(m, accelerator.workload("deit-tiny"))
        bert = accelerator.simulate(m, accelerator.workload("bert-base", tokens=128))
        chip = accelerator.describe(m)
        expected = {
            "energy_mj.deit_tiny": tiny.energy_mj,
            "latency_ms.sentence": bert.latency_ms,
            "edp_mj_ms.sentence": bert.edp_mj_ms,
            "floor_ratio.deit_tiny": tiny.floor_ratio,
            "energy_mj": 3 * tiny.energy_mj + bert.energy_mj,
            "latency_ms": 3 * tiny.latency_ms + bert.latency_ms,
            "area_mm2": chip.area_mm2["total"],
            "power_mw": chip.power_mw["total"],
            "laser_mw_per_core": chip.laser_mw_per_core,
            "effective_bits": receiver(m).enob["total"],
        }
        for name, value in expected.items():
            assert found[name][row] == pytest.approx(value, rel=SAME), name
        floors_mj = [3 * tiny.energy_mj / tiny.floor_ratio, bert.energy_mj / bert.floor_ratio]
        assert found["floor_ratio"][row] == pytest.approx(expected["energy_mj"] / sum(floors_mj), rel=SAME)


def test_a_grid_is_every_combination_once_the_last_axis_changing_fastest() -> None:
    designs = Designs.of(space(bits=[8, 4]))
    columns = designs.columns(0, designs.size)
    wanted = list(product([8, 4], *AXES.values()))
    assert designs.size == len(wanted) == 48
    assert list(zip(*(values.tolist() for values in columns.values()), strict=True)) == wanted


@pytest.mark.parametrize("sampling", ["grid", "random", "sobol", "latin"])
def test_any_stretch_of_designs_is_the_same_by_itself(sampling: str) -> None:
    """So chunks may be made in any order, by any process."""
    axes = {"tiles": {"from": 1, "to": 9}, "clock_ghz": {"from": 1, "to": 10, "scale": "log"}, "core.height": [4, 8]}
    if sampling == "grid":
        designs = Designs.of(space())
    else:
        designs = Designs.of(space(axes=axes, sampling=sampling, samples=100, seed=3))
    whole = designs.columns(0, designs.size)
    for start, stop in ((0, 5), (5, 6), (17, 24), (designs.size - 3, designs.size)):
        for key, values in designs.columns(start, stop).items():
            assert values.tolist() == whole[key][start:stop].tolist()


@pytest.mark.parametrize("sampling", ["random", "sobol", "latin"])
def test_samples_fill_their_ranges_evenly(sampling: str) -> None:
    axes = {"tiles": {"from": 1, "to": 8}, "clock_ghz": {"from": 1, "to": 16, "scale": "log"}, "core.height": [4, 8]}
    n = 4096
    columns = Designs.of(space(axes=axes, sampling=sampling, samples=n, seed=1)).columns(0, n)
    four_sigma = 4 * np.sqrt(n / 8)  # independent samples scatter so; the others less
    tiles, counts = np.unique(columns["tiles"], return_counts=True)
    assert tiles.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]  # whole numbers, both ends as likely as the rest
    assert np.abs(counts - n / 8).max() < (four_sigma if sampling == "random" else 2)
    octaves = np.histogram(columns["clock_ghz"], bins=[1, 2, 4, 8, 16])[0]
    assert octaves.sum() == n
    assert np.abs(octaves - n / 4).max() < (2 * four_sigma if sampling == "random" else 2)
    assert set(columns["core.height"]) == {4, 8}


def test_ranges_are_steps_counts_and_logarithms() -> None:
    axes = {
        "device.mzm.loss_db": {"from": 0.1, "to": 0.7, "step": 0.1},
        "clock_ghz": {"from": 1, "to": 3, "count": 5},
        "tiles": {"from": 1, "to": 100, "count": 9, "scale": "log"},
        "device.dac.power_mw": {"from": 1, "to": 1000, "count": 4, "scale": "log"},
    }
    points = {key: space(axes=axes).points(key).tolist() for key in axes}
    assert points["device.mzm.loss_db"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]  # without 0.30000000000000004
    assert points["clock_ghz"] == [1, 1.5, 2, 2.5, 3]
    assert points["tiles"] == [1, 2, 3, 6, 10, 18, 32, 56, 100]
    assert points["device.dac.power_mw"] == [1, 10, 100, 1000]


def test_toml_reads_dotted_axes_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "lt-base"\ntitle = "mine"\nsource = "test"\ntiles = 3\n')
    text = 'machine = "mine.toml"\nworkloads = ["deit-tiny"]\n[axes]\ncore.height = [4]\n"core.width" = [8]\n'
    (tmp_path / "space.toml").write_text(text + "device.mzm.loss_db = { from = 1, to = 2, count = 2 }\n")
    read = load_space(tmp_path / "space.toml")
    assert list(read.axes) == ["core.height", "core.width", "device.mzm.loss_db"]
    assert read.size == 2
    assert explore(read, tmp_path / "run").tally.feasible == 2


def test_constraints_refuse_what_they_say_and_the_counts_tell(tmp_path: Path) -> None:
    rules = ("core.height <= core.width", "area_mm2 < 45", "mzm.loss_db * 2 > 2")
    alone = table(explore(space(), tmp_path / "free"))
    found = explore(space(constraints=rules, chunk=5), tmp_path / "bound")
    rows = table(found)
    square, small, lossy = alone["core.height"] <= alone["core.width"], alone["area_mm2"] < 45, alone[NUMBERED[3]] > 1
    asked = square & lossy
    assert 0 < (asked & small).sum() < asked.sum()
    assert rows["design"].tolist() == alone["design"][asked].tolist()
    assert rows["feasible"].tolist() == small[asked].tolist()
    tally = found.tally
    assert (tally.designs, tally.evaluated, tally.feasible) == (24, asked.sum(), (asked & small).sum())
    assert tally.refused == {rules[0]: (~square).sum(), rules[1]: (asked & ~small).sum(), rules[2]: (~lossy).sum()}


def test_a_design_that_cannot_be_is_counted_and_never_chosen(tmp_path: Path) -> None:
    axes = {"device.mzm.loss_db": [1.0, 100.0], "core.height": [8, 12]}
    found = explore(space(axes=axes, constraints=["area_mm2 < 1000"], objectives=["max:energy_mj"]), tmp_path / "run")
    rows = table(found)
    impossible = rows["device.mzm.loss_db"] == 100.0
    assert np.isnan(rows["energy_mj"]).tolist() == impossible.tolist()
    assert (found.tally.impossible, found.tally.feasible) == (2, 2)
    assert found.tally.refused == {"area_mm2 < 1000": 0}
    assert not rows["feasible"][impossible].any()
    assert found.best["max:energy_mj"]["device.mzm.loss_db"] == 1.0  # type: ignore[index]


def test_the_front_and_the_best_are_those_of_the_whole_table(tmp_path: Path) -> None:
    objectives = ["energy_mj", "max:clock_ghz", "area_mm2"]
    found = explore(space(objectives=objectives, chunk=5, constraints=["power_mw < 12000"]), tmp_path / "run")
    rows = table(found)
    kept = np.flatnonzero(rows["feasible"])
    costs = np.stack([rows["energy_mj"], -rows["clock_ghz"], rows["area_mm2"]], axis=1)[kept]
    beaten = [any((a <= b).all() and (a < b).any() for a in costs) for b in costs]
    front = kept[~np.array(beaten)]
    assert 2 < len(front) < len(kept)
    assert sorted(found.front["design"].tolist()) == rows["design"][front].tolist()
    assert (np.diff(found.front["energy_mj"]) >= 0).all()
    for objective, costs_d in zip(objectives, costs.T, strict=True):
        best = found.best[objective]
        assert best is not None
        assert best["design"] == rows["design"][kept[np.argmin(costs_d)]]
        assert best["area_mm2"] == rows["area_mm2"][kept[np.argmin(costs_d)]]


def test_the_files_say_what_the_result_says(tmp_path: Path) -> None:
    found = explore(space(chunk=10, title="mine"), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "designs.parquet", "front.csv", "log.txt", "result.json", "run.toml",
    ]  # fmt: skip
    assert json.loads((tmp_path / "run/result.json").read_text()) == found.to_dict()
    with (tmp_path / "run/front.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["design"]) for row in rows] == found.front["design"].tolist()
    assert [float(row["energy_mj"]) for row in rows] == found.front["energy_mj"].tolist()
    parquet = pq.ParquetFile(tmp_path / "run/designs.parquet")
    assert [parquet.metadata.row_group(i).num_rows for i in range(3)] == [10, 10, 4]
    columns = parquet.read(columns=["core.height", "energy_mj"])
    assert columns.column_names == ["core.height", "energy_mj"]
    assert "mine" in (tmp_path / "run/result.json").read_text()
    assert "24 designs" in repr(found)
    assert found.plot().axes


def test_the_cloud_is_thinned_evenly(tmp_path: Path) -> None:
    axes = {"clock_ghz": {"from": 1, "to": 10}}
    found = explore(space(axes=axes, sampling="random", samples=2 * CLOUD + 1, chunk=999), tmp_path / "run")
    assert found.cloud["design"].tolist() == list(range(0, 2 * CLOUD + 1, 3))


def test_nothing_feasible_is_a_result_too(tmp_path: Path) -> None:
    found = explore(space(constraints=["area_mm2 < 1"]), tmp_path / "run")
    assert found.tally.feasible == 0
    assert found.tally.refused == {"area_mm2 < 1": 24}
    assert len(found.front["design"]) == 0
    assert found.best == dict.fromkeys(found.objectives)
    written = json.loads((tmp_path / "run/result.json").read_text())
    assert written["front_size"] == 0
    assert written["best"] == dict.fromkeys(found.objectives)


def test_the_most_accurate_design_within_a_budget_of_light_is_found(tmp_path: Path) -> None:
    """More light, more bits: the limit on the laser decides, and the loss it has to make up for."""
    axes = {"laser_margin_db": [0, 10, 20], "device.mzm.loss_db": [0.6, 1.2]}
    free = table(explore(space(axes=axes), tmp_path / "free"))
    limit = float(np.median(free["laser_mw_per_core"]))
    found = explore(
        space(axes=axes, constraints=[f"laser_mw_per_core <= {limit}"], objectives=["max:effective_bits"]),
        tmp_path / "run",
    )
    allowed = free["laser_mw_per_core"] <= limit
    best = found.best["max:effective_bits"]
    assert best is not None
    assert best["effective_bits"] == free["effective_bits"][allowed].max() < free["effective_bits"].max()


def test_every_design_ruled_out_before_it_was_computed(tmp_path: Path) -> None:
    found = explore(space(constraints=["core.height > 2 * core.width"]), tmp_path / "run")
    assert (found.tally.evaluated, found.tally.ruled_out) == (0, 24)
    assert len(table(found)["design"]) == 0


def test_many_workers_write_the_same_bytes(tmp_path: Path) -> None:
    chosen = space(chunk=5, constraints=["area_mm2 < 60"])
    seen: list[tuple[int, int]] = []
    explore(chosen, tmp_path / "one", workers=1, on_progress=lambda done, total: seen.append((done, total)))
    explore(chosen, tmp_path / "two", workers=2)
    assert seen == [(5, 24), (10, 24), (15, 24), (20, 24), (24, 24)]
    for name in ("designs.parquet", "front.csv", "result.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_example_of_the_manual_runs(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs/exploration.md").read_text(encoding="utf-8")
    (tmp_path / "space.toml").write_text(manual.split("```toml\n")[1].split("```")[0])
    found = explore(tmp_path / "space.toml", tmp_path / "run")
    assert f"{found.tally.designs} designs of {found.space.machine}:" in manual
    assert found.tally.feasible > 0
    assert f"- {found.tally.refused['core.height <= core.width']} refused by core.height <= core.width" in manual
    for key in Space.model_fields:
        assert f"`{key}`" in manual or f"`[{key}]`" in manual, key
    for name in found.space.columns:
        assert name.split(".")[0] in manual, name
