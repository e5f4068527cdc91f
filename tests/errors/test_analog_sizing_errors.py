"""What sizing refuses, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lightloop.analog.sizing import Goal, example, load_goal, parse_variable, size
from lightloop.errors import InputError, RefusedError
from lightloop.settings import parse_settings

DECK, GOAL = example("miller_opamp")
TEXT = DECK.read_text()
BENCH = load_goal(GOAL).testbench.model_dump(mode="json")


def goal(**changes: Any) -> Goal:
    return parse_settings(Goal, {**load_goal(GOAL).model_dump(mode="json"), **changes}, "goal")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("M1.w", "is no variable"),
        ("M1.w=1u", "is no variable"),
        ("M1.w=1u:x", "is no variable"),
        ("M1.w.l=1u:2u", "is no variable"),
        ("=1:2", "is no variable"),
        ("M1.w,M1.w=1u:2u", "names a place twice"),
        ("M1.w=2u:1u", "rising order"),
        ("M1.w=1u:2u:cubic", "unknown scale"),
        ("Vb=-1:1:log", "logarithmic scale cannot begin at -1"),
    ],
)
def test_a_variable_that_is_none_shows_how_it_is_written(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_variable(text)


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("M9.w=1u:2u", "did you mean"),
        ("M1.x=1u:2u", "m1.x has no value in the deck"),
        ("M1=1u:2u", "m1 has no value in the deck"),
    ],
)
def test_a_place_that_the_deck_does_not_have_is_named(vary: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        size(TEXT, goal(), vary=[vary])


def test_nothing_or_twice_the_same_to_vary_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to vary"):
        size(TEXT, goal(vary=[]))
    with pytest.raises(InputError, match=r"m1\.w is varied twice"):
        size(TEXT, goal(), vary=["M1.w=1u:2u", "M1.w,M2.w=1u:2u"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": {"maximise": "fom"}}, "unknown quantity 'fom'; there are .*fom_mhz_pf_per_ma"),
        ({"objective": {}}, "either maximise or minimise"),
        ({"objective": {"maximise": "gain_db", "minimise": "power_mw"}}, "either maximise or minimise"),
        ({"constraints": {"gian_db": {"min": 60}}}, "did you mean 'gain_db'"),
        ({"constraints": {"gain_db": {}}}, "needs min, max, or both"),
        ({"constraints": {"gain_db": {"min": 2, "max": 1}}}, "min 2 is above max 1"),
        ({"testbench": {"kind": "opam"}}, "did you mean 'opamp'"),
        ({"testbench": {"kind": "opamp", "positive": "inp", "output": "out"}}, "negative: Field required"),
        ({"testbench": {**BENCH, "band_hz": (1e3, 1.0)}}, "band_hz.*a band rises"),
        ({"testbench": {**BENCH, "points_per_decade": 1e9}}, "points_per_decade.*less than or equal to 100"),
        ({"search": {"method": "cmaes"}}, "did you mean 'cma'"),
        ({"models": {"process": "gf180"}}, "did you mean 'gf180mcu'"),
        ({"models": {"process": "gf180mcu", "corner": "slow"}}, "unknown corner 'slow'"),
        ({"serach": {}}, "did you mean 'search'"),
    ],
)
def test_a_mistake_in_a_goal_is_told_with_what_is_allowed(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        goal(**changes)


def test_a_figure_of_merit_per_load_needs_a_load() -> None:
    bench = {**BENCH, "load_pf": 0}
    with pytest.raises(InputError, match=r"needs testbench\.load_pf"):
        goal(testbench=bench)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": "uot"}, "did you mean 'out'"),
        ({"supply": "Vcc"}, "unknown supply source 'Vcc'"),
        ({"positive": "x"}, "0 voltage sources from x to ground"),
    ],
)
def test_a_testbench_that_does_not_fit_the_deck_is_refused(changes: dict[str, Any], message: str) -> None:
    bench = {**BENCH, **changes}
    with pytest.raises(InputError, match=message):
        size(TEXT, goal(testbench=bench))


def test_a_quantity_that_the_testbench_cannot_measure_is_refused() -> None:
    bench = {"kind": "amplifier", "input": "inp", "output": "out"}
    with pytest.raises(InputError, match="'amplifier' cannot measure this"):
        size(TEXT, goal(testbench=bench, objective={"maximise": "cmrr_db"}, report=[], constraints={}))


def test_an_unknown_corner_or_backend_is_refused() -> None:
    with pytest.raises(InputError, match="unknown corner of the models 'slow'"):
        size(TEXT, goal(corners={"models": ["slow"]}))
    with pytest.raises(InputError, match="unknown backend"):
        size(TEXT, goal(), backend="threads")


@pytest.mark.parametrize("card", [".include /etc/passwd", ".control\nshell ls\n.endc", ".lib a.lib tt"])
def test_a_deck_of_a_stranger_is_linted(card: str) -> None:
    with pytest.raises(RefusedError, match="line"):
        size(TEXT.replace(".end", f"{card}\n.end"), goal())


def test_names_of_the_testbench_cannot_be_taken() -> None:
    with pytest.raises(InputError, match="names that begin with 'bench_'"):
        size(TEXT.replace(".end", "Cbench_load out 0 1p\n.end"), goal())


def test_sizes_without_a_model_card_are_refused_before_the_search() -> None:
    deck, path = example("gf180mcu_opamp")
    table = load_goal(path)
    assert table.models is not None
    if not table.models.opened.installed:
        pytest.skip(f"the package {table.models.opened.package} is not installed")
    with pytest.raises(InputError, match=r"outside 0\.22 to 100 um"):
        size(deck.read_text().replace("w=40u", "w=400u"), table)
    with pytest.raises(InputError, match="m6: w = 500 um is outside"):
        size(deck, table, vary=["M6.w=2u:500u"])


def test_a_folder_with_another_run_is_kept(tmp_path: Path) -> None:
    small = goal(search={"evaluations": 2})
    size(TEXT, small, out=tmp_path, workers=1)
    with pytest.raises(InputError, match="already holds a run"):
        size(TEXT, small, out=tmp_path, workers=1)
    with pytest.raises(InputError, match=r"other settings \(goal\.search\.seed\)"):
        size(TEXT, goal(search={"evaluations": 2, "seed": 1}), out=tmp_path, resume=True, workers=1)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        size(tmp_path / "no.cir", goal())
    with pytest.raises(InputError, match="file not found"):
        size(TEXT, tmp_path / "no.toml")
    with pytest.raises(InputError, match="unknown example"):
        example("opamp")
