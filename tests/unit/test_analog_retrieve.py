"""The designer without a model: which circuit it takes, what a search mends, and that a seed fixes the deck."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lightloop.analog.retrieve import RetrieveDesigner, ranked
from lightloop.analog.retrieve.improve import Found, improved, least_margin, margin, worth
from lightloop.analog.task import Task, all_tasks, load_task
from lightloop.analog.topology.catalogue import all_topologies
from lightloop.analog.verdict import Item, Verdict
from lightloop.errors import InputError

LOOPS = {23, 24, 31}  # seconds for each; all others together take as long as one of them
SERVED = [task for task in all_tasks() if task.kind != "receiver"]
BY_TIME = [pytest.param(task, marks=pytest.mark.slow) if task.id in LOOPS else task for task in SERVED]

COMMON_SOURCE = """
id = 101
key = "my-amplifier"
level = "easy"
kind = "amplifier"
title = "Amplifier, common source"
statement = "Amplify by at least 8 with one transistor and a resistor."
inputs = [{ name = "A", role = "signal" }]
outputs = ["Y"]
supply_v = 5.0
models = ["nmos"]
structure = ["amplifying-device-saturated", "input-at-gate"]
[limits.gain]
low = 8.0
unit = "1"
what = "abs(Av)"
source = "me"
[limits.phase_from_inverting]
high = 20.0
unit = "deg"
what = "distance of the phase from 180"
source = "me"
"""

WIEN = """
id = 102
key = "my-oscillator"
level = "hard"
kind = "oscillator"
title = "Wien bridge at 2 kHz"
statement = "Oscillate with a Wien bridge."
outputs = ["Osc"]
supply_v = 5.0
models = ["d"]
library = ["OPAMP"]
structure = ["dc-sources-only", "loop-opens"]
"""


def own_task(folder: Path, text: str) -> Task:
    path = folder / "task.toml"
    path.write_text(text, encoding="utf-8")
    return load_task(path)


def item(value: float, low: float | None = None, high: float | None = None) -> Item:
    return Item("quantity", value, "1", low, high, (low is None or value >= low) and (high is None or value <= high))


@pytest.mark.parametrize("which", [1, 4, 8, 12, 13, 18, 20, 28])
def test_a_task_is_solved(which: int) -> None:
    trial = RetrieveDesigner(seed=0).trial(load_task(which))
    assert trial.ok
    assert len(trial.attempts) == 1


def test_ones_own_amplifier_is_solved_with_its_own_ports_and_limits(tmp_path: Path) -> None:
    trial = RetrieveDesigner().trial(own_task(tmp_path, COMMON_SOURCE))
    assert trial.ok
    assert "M1 Y A 0 0" in (trial.deck or "")
    items = {found.name: found for found in trial.attempts[-1].verdict.items}  # type: ignore[union-attr]
    assert items["gain"].low == 8.0


def test_ones_own_oscillator_gets_the_parts_for_its_frequency(tmp_path: Path) -> None:
    task = own_task(tmp_path, WIEN)
    best = ranked(task)[0].topology
    assert best.key == "wien-bridge"
    trial_deck = best.deck(task, dict.fromkeys(best.parameters, 1.0))
    assert "X1 p n Osc OPAMP" in trial_deck


def test_the_plan_says_how_circuits_were_ranked_and_what_the_equations_gave() -> None:
    plan = RetrieveDesigner().trial(load_task("common-source")).attempts[0].plan
    for part in ("common-source: score", "three-stage: score", "rules 3/3", "Av = gm (R || ro)", "first cut: vin ="):
        assert part in plan


def test_what_is_out_of_reach_of_one_circuit_goes_to_the_next() -> None:
    trial = RetrieveDesigner(wishes={"gain": 60.0}).trial(load_task("common-source"))
    assert trial.ok
    assert trial.attempts[0].deck is None
    assert "gm/ID" in trial.attempts[0].feedback
    assert "three-stage" in trial.attempts[1].plan


def test_a_search_mends_a_first_cut_that_fails_and_a_seed_fixes_the_deck() -> None:
    task, designer = load_task("common-gate"), RetrieveDesigner(seed=3, wishes={"gain": 35.0}, evaluations=8)
    first, again = designer.trial(task), designer.trial(task)
    assert first.ok
    assert "first cut: -" in first.attempts[0].plan
    assert "search: " in first.attempts[0].plan
    assert first.deck == again.deck


def test_a_circuit_that_is_not_built_for_the_rules_is_not_searched() -> None:
    task = replace(load_task("common-source"), structure=("stacked-nmos",))
    trial = RetrieveDesigner().trial(task)
    assert not trial.ok
    assert all(attempt.deck is None or "1 decks checked" in attempt.plan for attempt in trial.attempts)
    assert all(attempt.feedback for attempt in trial.attempts)


def test_without_the_macro_an_opamp_of_transistors_is_taken_from_the_library() -> None:
    trial = RetrieveDesigner().trial(replace(load_task("integrator"), library=()))
    assert trial.ok
    assert "vdd two_stage" in (trial.deck or "")
    assert ".subckt two_stage" in (trial.deck or "")


def test_no_circuit_for_a_task_is_one_clear_message() -> None:
    with pytest.raises(InputError, match="no parametric circuit is of kind 'pll'"):
        RetrieveDesigner().trial(replace(load_task("pll"), inputs=()))


def test_margins_of_a_band_are_shares_of_its_half() -> None:
    assert margin(item(1.0, 0.97, 1.03)) == pytest.approx(1.0)
    assert margin(item(3.0, 2.0)) == pytest.approx(0.5)
    assert margin(item(0.5, None, 1.0)) == pytest.approx(0.5)


def test_a_later_stage_is_worth_more_and_a_pass_most() -> None:
    def verdict(stage: str, *items: Item) -> Verdict:
        return Verdict("t", stage == "pass", "robustness" if stage == "pass" else stage, items, "x")  # type: ignore[arg-type]

    found = [
        verdict("pass", item(3.0, 2.0)),
        verdict("pass", item(2.1, 2.0)),
        verdict("robustness", item(1.9, 2.0)),
        verdict("function", item(1.9, 2.0)),
        verdict("function", item(0.1, 2.0)),
        verdict("operating-point"),
    ]
    orders = [worth(one).order for one in found]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)
    assert [worth(one).feasible for one in found] == [True, True, False, False, False, False]


def test_a_search_keeps_the_start_when_nothing_is_better() -> None:
    topology = all_topologies()["common-source"]
    values = {"vin": 1.0, "w1": 1e-5, "l1": 1e-6, "r1": 1e4}

    def judge(point: object) -> Verdict:
        return Verdict("t", point == values, "robustness", (item(2.1, 2.0),), "fails")

    found = improved(topology, Found(values, judge(values)), judge, seed=0, evaluations=12, supply_v=5.0)
    assert found.values == values
    assert found.evaluations == 13


def test_a_search_stays_near_the_first_cut_and_finds_more_margin() -> None:
    topology = all_topologies()["common-source"]
    start = {"vin": 1.0, "w1": 1e-5, "l1": 1e-6, "r1": 1e4}

    def judge(point: object) -> Verdict:
        assert isinstance(point, dict)
        return Verdict("t", True, "robustness", (item(2.0 * point["r1"] / 1e4, 2.0),), "passes")

    found = improved(topology, Found(start, judge(start)), judge, seed=0, evaluations=60, supply_v=5.0)
    assert least_margin(found.verdict)[0] >= 0.1
    assert 5e3 <= found.values["r1"] <= 2e4


@pytest.mark.parametrize("task", BY_TIME, ids=lambda task: task.key)
def test_every_task_is_solved(task: Task) -> None:
    trial = RetrieveDesigner(seed=0).trial(task)
    assert trial.ok, trial.attempts[-1].feedback
