"""The checker: reference designs pass, the verdict says what the contract asks for, mistakes have their line."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from lightloop.analog import all_tasks, load_task, reference_deck
from lightloop.analog.check import check
from lightloop.analog.check.circuit import held_nodes
from lightloop.analog.check.flat import flatten
from lightloop.analog.check.function import FUNCTIONS
from lightloop.analog.check.structure import RULES
from lightloop.analog.verdict import Item, judge
from lightloop.errors import InputError
from lightloop.spice import parse_deck

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

LONG = {23, 24, 31}  # eight seconds and more with robustness
LOOP = 24  # four seconds without it
# Keys of `structure` that are not rules: the linter asks for DC sources, the function measures the others.
MEASURED_KEYS = {"dc-sources-only", "stages-matter", "loop-opens"}


@pytest.mark.parametrize("number", [task.id for task in all_tasks() if task.id != LOOP])
def test_reference_deck_passes(number: int):
    task = load_task(number)
    verdict = check(task, reference_deck(task), robustness=number not in LONG)
    assert verdict.ok, verdict.message
    assert {item.name for item in verdict.items} >= set(task.limits)


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted(LONG))
def test_reference_deck_of_a_long_check_passes_under_robustness(number: int):
    task = load_task(number)
    verdict = check(task, reference_deck(task))
    assert verdict.ok, verdict.message


def test_every_kind_and_every_structure_rule_of_the_tasks_is_known():
    assert {task.kind for task in all_tasks()} <= set(FUNCTIONS)
    assert {key for task in all_tasks() for key in task.structure} <= set(RULES) | MEASURED_KEYS


def test_unknown_kind_is_refused_and_never_passed():
    task = dataclasses.replace(load_task(1), kind="rectifier")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be checked"):
        check(task, reference_deck(load_task(1)))


def test_verdict_has_the_keys_of_the_contract():
    task = load_task(1)
    told = json.loads(json.dumps(check(task, reference_deck(task), robustness=False).to_dict()))
    assert list(told) == ["task", "verdict", "stage", "items", "message"]
    assert (told["task"], told["verdict"]) == ("common-source", "pass")
    assert all(list(item) == ["name", "value", "unit", "low", "high", "ok"] for item in told["items"])


def test_verdict_is_the_same_each_time():
    task = load_task(11)
    assert check(task, reference_deck(task)) == check(task, reference_deck(task))


@pytest.mark.parametrize(
    ("change", "stage", "told"),
    [
        (("M1 Vout", "Q1 Vout"), "lint", "line 5"),
        (("Vin Vin 0 0.8", "Vin Vin 0 0.8\nVextra Vin 0 0.8"), "lint", "2 voltage sources from vin"),
        (("Vin Vin 0 0.8", "Rin Vin 0 1k"), "lint", "no voltage source from vin"),
        (("Vdd Vdd 0 5", "Vdd Vdd 0 -5"), "lint", "no DC value of 0.1 V or more"),
        (("Vout", "other"), "lint", "no element joins node Vout"),
        ((".end", "C1 floating 0 1p\nC2 floating Vout 1p\n.end"), "simulate", "floating"),
        (("M1 Vout Vin 0 0", "M1 0 Vin Vout 0"), "operating-point", "drain and source exchanged"),
        ((".end", "R9 checker_held Vout 1k\nR8 checker_held 0 1k\n.end"), "lint", "name of the checker's own"),
        (("0.8", "1.8"), "structure", "not saturated"),
        (("0.8", "0.3"), "structure", "is off"),
    ],
)
def test_mistake_in_an_amplifier_is_found_at_its_stage(change: tuple[str, str], stage: str, told: str):
    task = load_task(1)
    verdict = check(task, reference_deck(task).replace(*change))
    assert (verdict.ok, verdict.stage) == (False, stage), verdict.message
    assert told in verdict.message


LATCH = """two inverters in a ring: the simulator finds the point of balance, which the circuit leaves
.model n nmos level=1 kp=100u vto=0.5 lambda=0.02
.model p pmos level=1 kp=50u vto=-0.5 lambda=0.02
Vdd Vdd 0 5
Vin Vin 0 0
Rin Vin 0 1k
M1 Vout x 0 0 n w=10u l=1u
M2 Vout x Vdd Vdd p w=20u l=1u
M3 x Vout 0 0 n w=10u l=1u
M4 x Vout Vdd Vdd p w=20u l=1u
C1 x 0 1p
.end"""


def test_operating_point_that_the_circuit_leaves_is_rejected():
    verdict = check(load_task(7), LATCH, robustness=False)
    assert (verdict.ok, verdict.stage) == (False, "operating-point")
    assert "after the supply has risen, not at its 2.5 V at rest" in verdict.message


def test_stage_of_a_pass_is_the_last_one_that_was_run():
    task = load_task(1)
    assert check(task, reference_deck(task)).stage == "robustness"
    assert check(task, reference_deck(task), robustness=False).stage == "function"


@pytest.mark.parametrize(
    ("number", "other", "told"),
    [
        (14, {"M7 Vout Voutp": "M7 Vout x"}, "not the drain of a transistor whose gate is voutp"),
        (16, {"C3 b c 10n": "L3 b c 10m"}, "2 capacitors"),
        (17, {"R1 Vout s": "R1 m s"}, "frequency_error could not be measured"),
    ],
)
def test_circuit_of_another_topology_is_told_so(number: int, other: dict[str, str], told: str):
    task = load_task(number)
    text = reference_deck(task)
    for mine, theirs in other.items():
        text = text.replace(mine, theirs)
    verdict = check(task, text, robustness=False)
    assert not verdict.ok
    assert told in verdict.message


@pytest.mark.parametrize(("number", "value"), [(8, "2k"), (12, "10k")])
def test_load_of_no_resistance_is_rejected(number: int, value: str):
    text = reference_deck(load_task(number)).replace(f"t {value}\n", "t 0\n")
    verdict = check(load_task(number), text, robustness=False)
    assert not verdict.ok
    assert "must be above 0 ohm" in verdict.message


def test_plain_pair_is_no_telescopic_cascode():
    biases = "".join(f"Vb{i} Vbias{i} 0 1\n" for i in (2, 3, 4))
    text = reference_deck(load_task(11)).replace("Vbias ", "Vbias1 ").replace(".end\n", f"{biases}.end\n")
    verdict = check(load_task(15), text, robustness=False)
    assert (verdict.ok, verdict.stage) == (False, "structure")
    assert "no NMOS stands on the drain of input device m1" in verdict.message


def test_item_margin_is_negative_where_the_limit_is_broken():
    limits = load_task(1).limits
    low, unmeasured = judge(limits, {"gain": 1.5, "step_disagreement": float("nan"), "unlimited": 3.0})
    assert (low.ok, low.margin) == (False, -0.5)
    assert str(low) == "gain is 1.5, below 2"
    assert (unmeasured.value, unmeasured.ok) == (None, False)
    assert Item("x", 3.0, "V", 2.0, 6.0, True).at("85 C").name == "x at 85 C"


def test_flatten_names_nodes_by_path_and_resolves_parameters():
    text = """nested
.param r=1k
.subckt INNER a b g=2
R1 a n {r*g}
R2 n b 1k
.ends
.subckt OUTER a b
X1 a b INNER g=3
.ends
Vdd Vdd 0 5
X1 Vdd 0 OUTER
.end"""
    flat = flatten(parse_deck(text))
    assert {(item.name, item.nodes, item.value) for item in flat.elements if item.kind == "r"} == {
        ("r.x1.x1.r1", ("vdd", "x1.x1.n"), 3e3),
        ("r.x1.x1.r2", ("x1.x1.n", "0"), 1e3),
    }


def test_nodes_behind_sources_in_a_row_are_held():
    deck = parse_deck("row\nV1 a 0 1\nV2 b a 1\nR1 b c 1k\nR2 c 0 1k\n.end")
    assert held_nodes(deck) == {"0", "a", "b"}
