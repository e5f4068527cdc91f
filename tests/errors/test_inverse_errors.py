"""Designs that cannot be begun say why, before anything is computed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lightloop.errors import InputError
from lightloop.inverse.checkpoint import FILE, read_progress
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.run import design
from lightloop.inverse.symmetry import check_symmetries
from lightloop.runs import RunFolder


def test_an_unknown_task_is_named_with_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'bend'"):
        design("bent", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "given, said",
    [
        ({"min_feature_um": 0.03}, "cannot be designed with cells of 0.025"),
        ({"min_feature_um": 1.5}, "0.05 to 0.5 um"),
        ({"min_feature_um": float("nan")}, "smallest feature"),
        ({"dl_um": 0.03}, "do not fill a length"),
        ({"dl_um": 0.0}, "dl_um"),
        ({"parametrization": "pixels"}, "density, levelset"),
        ({"robust": "all"}, "auto, etch, none"),
        ({"iterations": -1}, "iterations=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"solid": "Sj"}, "did you mean 'Si'"),
        ({"solid": "SiO2"}, "does not propagate|guides nothing"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        design("bend", tmp_path / "run", DesignOptions(**given))
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_design_is_not_gone_on_with(tmp_path: Path) -> None:
    options = DesignOptions(dl_um=0.05, min_feature_um=0.1)
    RunFolder.open(tmp_path / "run", {"task": "bend", **asdict(options)}, resume=False)
    with pytest.raises(InputError, match="already holds a run"):
        design("bend", tmp_path / "run", options)
    with pytest.raises(InputError, match=r"other settings \(task\)"):
        design("crossing", tmp_path / "run", options, resume=True)


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no arrays")
    with pytest.raises(InputError, match="begins anew"):
        read_progress(tmp_path)


def test_a_region_that_is_not_square_has_no_diagonal() -> None:
    with pytest.raises(InputError, match="make the region square"):
        check_symmetries(["diagonal"], (2.0, 1.0))
    with pytest.raises(InputError, match="mirror-x"):
        check_symmetries(["mirror"], (1.0, 1.0))
