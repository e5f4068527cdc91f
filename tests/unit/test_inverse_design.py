"""A design from its task to its folder: it improves, comes back from a kill, and its file is what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lightloop.cli.main import app
from lightloop.inverse.corners import CORNERS
from lightloop.inverse.evaluate import evaluated
from lightloop.inverse.export import read_solid
from lightloop.inverse.layout import Layout
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.problem import problem_of
from lightloop.inverse.result import DesignResult
from lightloop.inverse.run import SAVED_EVERY, design
from lightloop.inverse.task import Access, Task, power
from lightloop.inverse.tasks import TASKS

# A corner in a square of one micrometre on a coarse grid: some seconds.
TINY = Task(
    "tiny",
    "a bend",
    (1.0, 1.0),
    (Access("in", "left"), Access("out", "top")),
    figure=lambda s: power(s, 0, 1),
    readings=lambda s: {"transmission": float(power(s, 0, 1))},
    symmetries=("antidiagonal",),
    iterations=24,
)
OPTIONS = DesignOptions(dl_um=0.05, min_feature_um=0.12, robust="none")
KILLED_AT = SAVED_EVERY + 3
# What a designer can use.
TRANSMISSION, FEATURE_UM, CHANGE, CPU_S, BINARY = 0.95, 0.08, 0.01, 180.0, 0.98
# Two sums of the same numbers in another order.
ROUNDING = 1e-9


class Killed(Exception):
    pass


def kill(stage: str, done: int, total: int) -> None:
    if stage == "design" and done == KILLED_AT:
        raise Killed


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tiny", TINY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DesignResult]:
    folder = tmp_path_factory.mktemp("design") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "tiny", TINY)
        return folder, design("tiny", folder, OPTIONS)


def without_time(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "result.json").read_text())
    found.pop("cpu_seconds")
    return found


def test_a_design_improves(whole: tuple[Path, DesignResult]) -> None:
    folder, result = whole
    history = json.loads((folder / "history.json").read_text())
    assert len(history) == result.steps
    assert history[0]["figure"] < 0.5
    assert result.reimported.figure > history[0]["figure"] + 0.3
    assert result.reimported.figure <= 1.0


def test_a_run_folder_holds_what_it_says(whole: tuple[Path, DesignResult]) -> None:
    folder, result = whole
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "run.toml", "result.json", "history.json", "checkpoint.npz", "design.npz", "design.gds", "pattern.png",
        "field.png", "history.png", "spectrum.png", "design.gif",
    }  # fmt: skip
    assert (folder / "design.gif").stat().st_size < 3e6
    assert set(without_time(folder)["corners"]) == set(CORNERS)
    assert without_time(folder)["figure"] == result.reimported.figure


def test_the_file_alone_gives_the_figure(whole: tuple[Path, DesignResult]) -> None:
    folder, result = whole
    solid = read_solid(folder / "design.gds")
    again = evaluated(Layout(TINY), OPTIONS, solid, OPTIONS.dl_um)
    assert again.figure == pytest.approx(result.reimported.figure, abs=ROUNDING)


def test_a_killed_design_resumes_to_the_same_result(whole: tuple[Path, DesignResult], tmp_path: Path) -> None:
    folder, _ = whole
    with pytest.raises(Killed):
        design("tiny", tmp_path / "killed", OPTIONS, report=kill)
    design("tiny", tmp_path / "killed", OPTIONS, resume=True)
    assert without_time(tmp_path / "killed") == without_time(folder)
    assert (tmp_path / "killed" / "design.gds").read_bytes() == (folder / "design.gds").read_bytes()
    with np.load(folder / "design.npz") as one, np.load(tmp_path / "killed" / "design.npz") as other:
        for name in one.files:
            assert np.array_equal(one[name], other[name])


def test_the_command_prints_one_object_and_goes_on_with_a_folder(whole: tuple[Path, DesignResult]) -> None:
    folder, result = whole
    line = ["field", "design", "tiny", "--out", str(folder), "--resume", "--json", "--robust", "none"]
    found = CliRunner().invoke(app, [*line, "--dl-um", "0.05", "--min-feature-um", "0.12"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["reimported"] == result.to_dict()["reimported"]


def test_a_level_set_improves_too(tmp_path: Path) -> None:
    found = design("tiny", tmp_path / "level", replace(OPTIONS, parametrization="levelset", still=True))
    history = json.loads((tmp_path / "level" / "history.json").read_text())
    assert found.reimported.figure > history[0]["figure"]
    assert found.change_by_file < CHANGE


def test_another_seed_begins_elsewhere() -> None:
    way = problem_of(TINY, OPTIONS).way
    assert torch.equal(way.initial(0), way.initial(0))
    assert not torch.equal(way.initial(0), way.initial(1))


def test_a_bend_of_two_micrometres_passes_the_light_and_can_be_made(tmp_path: Path) -> None:
    found = design("bend", tmp_path / "bend", DesignOptions(still=True))
    assert found.binarised.figure >= TRANSMISSION
    assert found.reimported.figure >= TRANSMISSION
    assert found.finer.figure >= TRANSMISSION
    assert found.change_by_file < CHANGE
    assert found.features.smallest_um >= FEATURE_UM
    assert found.binarisation > BINARY
    assert found.seconds <= CPU_S
