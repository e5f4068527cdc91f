"""A SPACE.toml that cannot be explored says so before anything is written: every mistake, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightloop import accelerator
from lightloop.accelerator.designs import evaluate
from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.space import Space, load_space
from lightloop.accelerator.uncertainty import uncertainty
from lightloop.errors import InputError
from lightloop.settings import parse_settings

GOOD: dict[str, Any] = {"machine": "lt-base", "workloads": ["deit-tiny"], "axes": {"core.height": [8, 12]}}


def read(**changes: Any) -> Space:
    return parse_settings(Space, GOOD | changes, "space.toml")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(
        """
        machine = "lt-base"
        workloads = ["deit-tin", { name = "bert-base", tokens = 0 }]
        bits = [4, 17]
        mode = "stric"
        rule = "3^b"
        axis = 3
        [axes]
        core.heigt = [8, 12]
        core.height = [0, 8]
        core.width = [2.5]
        core.wavelengths = []
        tiles = { from = 8, to = 1, count = 3 }
        clock_ghz = { from = 1, to = 10, coun = 10 }
        device.mzm.los_db = [1]
        device.mzm.energy_fj = [-5]
        """
    )
    with pytest.raises(InputError) as caught:
        load_space(tmp_path / "space.toml")
    text = str(caught.value)
    assert caught.value.exit_code == 2
    for line in (
        "did you mean 'deit-tiny'?",
        "workloads, entry 2, tokens",
        "got 17; allowed: 1 to 16",
        "did you mean 'strict'?",
        "unknown rule '3^b'",
        "axis: unknown key; did you mean 'axes'?",
        "did you mean 'core.height'?",
        "must be a whole number of at least 1, got 0",
        "must be a whole number of at least 1, got 2.5",
        "axes.core.wavelengths",
        "exchange 'from' and 'to'",
        "did you mean 'count'?",
        "did you mean 'mzm.loss_db'?",
        "must not be negative, got -5",
    ):
        assert line in text, line
    assert "14 mistakes" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"axes": {}}, "give at least one"),
        ({"workloads": []}, "give at least one"),
        ({"objectives": []}, "give at least one"),
        ({"axes": {"core.height": [8, 8]}}, "stands more than once: 8"),
        ({"axes": {"core.height": ["8"]}}, "axes.core.height.values, entry 1: Input should be a valid number"),
        ({"axes": {"clock_ghz": [0]}}, "got 0; allowed: above 0, up to 10000"),
        ({"axes": {"core.height": [True]}}, "valid number"),
        ({"axes": {"clock_ghz": [float("nan")]}}, "finite"),
        ({"axes": {"clock_ghz": {"from": 1}}}, "'from' and 'to'"),
        ({"axes": {"clock_ghz": {"from": 1, "to": 2}}}, "'step' or 'count'"),
        ({"axes": {"clock_ghz": {"from": 1, "to": 2, "step": 0.1, "count": 3}}}, "'step' goes alone"),
        ({"axes": {"clock_ghz": {"from": 1, "to": 2, "step": 1e-9}}}, "more than 100000 values"),
        ({"axes": {"clock_ghz": {"from": 0, "to": 2, "count": 3, "scale": "log"}}}, "above 0"),
        ({"axes": {"clock_ghz": {"values": [1], "from": 1}}}, "not both"),
        ({"axes": {"core.height": {"from": 1, "to": 4, "count": 3}}}, "got 2.5"),
        ({"axes": {"bits": [4]}}, "'bits = [...]'"),
        ({"bits": [4, 4]}, "more than once"),
        ({"machine": "lt-bse"}, "did you mean 'lt-base'?"),
        ({"samples": 10}, "takes all combinations"),
        ({"sampling": "sobol"}, "needs a number of samples"),
        ({"sampling": "latin", "samples": 10**7}, "at most 4000000"),
        ({"workloads": ["deit-tiny", "deit-tiny"]}, "'label'"),
        ({"workloads": [{"name": "deit-tiny", "weight": 0}]}, "greater than 0"),
        ({"objectives": ["max:energy"]}, "did you mean 'energy_mj'?"),
        ({"constraints": ["area_mm < 3"]}, "did you mean 'area_mm2'?"),
        ({"constraints": ["device.mzm.loss_db < 3"]}, "write 'mzm.loss_db < 3'"),
        ({"constraints": ["mzm.loss_db < 3"]}, "unknown name 'mzm.loss_db'"),
        ({"constraints": ["area_mm2"]}, "not one comparison"),
        ({"constraints": ["1 < area_mm2 < 2"]}, "one line for each bound"),
        ({"constraints": ["1 < 2"]}, "names no axis"),
        ({"constraints": ["area_mm2 <"]}, "cannot be read"),
        ({"constraints": ["__import__('os') == 1"]}, "function"),
        ({"constraints": ["area_mm2 < 10", "20 < area_mm2"]}, "both '20 < area_mm2' and 'area_mm2 < 10'"),
        ({"constraints": ["area_mm2 <= 10", "area_mm2 > 10"]}, "no area_mm2 can be both"),
        ({"constraints": ["core.height == -3"]}, "leaves no value of core.height"),
        ({"constraints": ["core.height < 8"]}, "leaves no value of core.height"),
    ],
)
def test_a_mistake_is_refused_with_advice(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(**changes)
    assert said in str(caught.value)
    assert "space.toml: 1 mistake\n" in str(caught.value)


def test_constraints_and_objectives_are_told_with_every_other_mistake(tmp_path: Path) -> None:
    """One that cannot be read, beside a network that nobody knows, once broke off the reading."""
    (tmp_path / "space.toml").write_text(
        """
        machine = "lt-base"
        workloads = ["deit-tinyy"]
        constraints = ["area_mm2 <=", "1 < 2 < 3", "x < 3", "tiles < 3"]
        objectives = ["foo", "max:effective_bit"]
        [axes]
        tiles = [1]
        clock_ghz = [-1]
        """
    )
    with pytest.raises(InputError) as caught:
        load_space(tmp_path / "space.toml")
    text = str(caught.value)
    for line in (
        "workloads, entry 1: unknown workload 'deit-tinyy'; did you mean 'deit-tiny'?",
        "axes.clock_ghz: must be a positive number",
        "constraints, entry 1: formula 'area_mm2 <=' cannot be read: invalid syntax\n",
        "constraints, entry 2: '1 < 2 < 3' is not one comparison",
        "constraints, entry 3: unknown name 'x' in 'x < 3'",
        "objectives, entry 1: unknown column 'foo'",
        "objectives, entry 2: unknown column 'effective_bit'; did you mean 'effective_bits'?",
    ):
        assert line in text, line
    assert "7 mistakes" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"workloads": 3, "constraints": ["x < 3"]},
        {"axes": [1], "objectives": ["foo"]},
        {"constraints": "area_mm2 <", "objectives": [3]},
        {"workloads": [{"label": "mine"}, 4], "constraints": [None]},
    ],
)
def test_tables_of_another_shape_are_explained_too(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"space\.toml: \d mistake"):
        read(**changes)


def test_each_axis_that_a_constraint_empties_is_told() -> None:
    with pytest.raises(InputError) as caught:
        read(axes={"core.height": [8], "tiles": [4]}, constraints=["core.height < 8", "tiles > 4"])
    assert "- constraint 'core.height < 8' leaves no value of core.height; constraint 'tiles > 4'" in str(caught.value)


def test_a_chip_of_several_machines_is_no_machine_to_explore_or_sample(tmp_path: Path) -> None:
    path = tmp_path / "chip.toml"
    path.write_text('title = "two"\nsource = "me"\n[assign]\nattention = "lt-base"\ndefault = "pcm-crossbar"\n')
    network = accelerator.workload("deit-tiny")
    for door in (
        lambda: read(machine=str(path)),
        lambda: evaluate(str(path), {"tiles": [1, 2]}, network),
        lambda: uncertainty(str(path), network),
    ):
        with pytest.raises(InputError) as caught:
            door()
        assert "chip.toml is a chip of several machines" in str(caught.value)
        assert "give one of its machines: lt-base, pcm-crossbar" in str(caught.value)
        assert "Field required" not in str(caught.value)


def test_a_network_is_more_than_its_name() -> None:
    with pytest.raises(InputError, match=r"accelerator\.workload\(name\)"):
        evaluate("lt-base", {"tiles": [1]}, "deit-tiny")  # type: ignore[arg-type]


def test_bounds_that_touch_are_no_contradiction() -> None:
    assert read(constraints=["area_mm2 <= 10", "area_mm2 >= 10", "energy_mj > -1", "2 >= latency_ms"]).size == 2


def test_a_grid_without_end_is_refused_before_it_is_begun() -> None:
    axes = {key: {"from": 1, "to": 100, "count": 100} for key in ("core.height", "core.width", "core.wavelengths")}
    with pytest.raises(InputError) as caught:
        read(axes=axes | {"tiles": [1, 2, 4], "device.mzm.loss_db": {"from": 0, "to": 1, "count": 101}})
    text = str(caught.value)
    assert "3.03e+08 designs" in text
    assert "device.mzm.loss_db has 101" in text
    assert "sampling = 'sobol'" in text


def test_a_core_for_one_vector_has_no_width() -> None:
    with pytest.raises(InputError, match="takes one vector per clock"):
        read(machine="mrr-bank", axes={"core.width": [1, 2]})


def test_a_space_with_mistakes_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text('machine = "lt-base"\nworkloads = ["deit-tiny"]\n[axes]\ntiles = [0]\n')
    with pytest.raises(InputError):
        explore(tmp_path / "space.toml", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"samples": 0}, "samples must be a whole number from 20"),
        ({"samples": 19}, "fewer than 20 draws leave less than one beyond q05 and q95"),
        ({"samples": 20.5}, "samples must be a whole number from 20"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"bits": 17}, "bits must be a whole number from 1 to 16"),
        ({"mode": "stric"}, "did you mean 'strict'?"),
        ({"core.heigt": 4}, "did you mean 'core.height'?"),
    ],
)
def test_uncertainty_refuses_what_it_cannot_draw(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        uncertainty("lt-base", accelerator.workload("deit-tiny"), **arguments)
    assert said in str(caught.value)
