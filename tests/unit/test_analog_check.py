"""The checker: reference designs pass, the verdict says what the contract asks for, mistakes have their line."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Iterator
from importlib import import_module

import pytest

from lightloop.analog import all_tasks, load_task, reference_deck
from lightloop.analog.check import check, check_in
from lightloop.analog.check.circuit import held_nodes
from lightloop.analog.check.flat import flatten
from lightloop.analog.check.function import FUNCTIONS
from lightloop.analog.check.pipeline import SIMULATOR
from lightloop.analog.check.structure import RULES
from lightloop.analog.task import Task
from lightloop.analog.verdict import Item, Verdict, judge
from lightloop.errors import InputError
from lightloop.spice import Session, parse_deck

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

LOOPS = {23, 24, 31}  # seconds for each; all others together take as long as one of them
BY_TIME = [pytest.param(task, marks=pytest.mark.slow) if task.id in LOOPS else task for task in all_tasks()]
# Keys of `structure` that are not rules: the linter asks for DC sources, the function measures the others.
MEASURED_KEYS = {"dc-sources-only", "stages-matter", "loop-opens"}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(SIMULATOR) as found:
        yield found


@pytest.mark.parametrize("task", BY_TIME, ids=lambda task: task.key)
def test_reference_deck_passes_under_robustness(task: Task, session: Session):
    verdict = check_in(session, task, reference_deck(task))
    assert (verdict.ok, verdict.stage) == (True, "robustness"), verdict.message
    assert {item.name for item in verdict.items} >= set(task.limits)


def test_every_kind_and_every_structure_rule_of_the_tasks_is_known():
    assert {task.kind for task in all_tasks()} <= set(FUNCTIONS)
    places = [(import_module(f"lightloop.analog.check.function.{file}"), name) for file, name in FUNCTIONS.values()]
    assert all(callable(getattr(module, name)) for module, name in places)
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
    task = load_task(10)
    assert check(task, reference_deck(task)) == check(task, reference_deck(task))


@pytest.mark.parametrize(
    ("change", "stage", "told"),
    [
        (("M1 Vout", "Q1 Vout"), "lint", "line 5"),
        (("nmos level=1", "npn"), "lint", "line 2"),
        (("22k", "-22k"), "lint", "line 6: r1 is -22000; a part has 1e-06 to 1e+15 ohm, or 0"),
        (("22k", "22k m=0"), "lint", "line 6: r1: m is 0"),
        (("lambda=0.02", "lambda=-0.02"), "lint", "line 2: model nmos1: lambda is -0.02"),
        (("w=20u", "w=1e30"), "lint", "line 5: m1: w is 1e+30"),
        (("Vin 0 0 nmos1", "Vin 0 Vdd nmos1"), "operating-point", "line 5: the bulk of m1 is 5 V forward"),
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


def test_parallel_resistors_count_as_one_part():
    flat = flatten(parse_deck("m\nV1 a 0 1\nR1 a 0 1k m=4\nC1 a 0 1n m=2\nL1 a 0 1m m=2\n.end"))
    assert [(item.value, item.parameters) for item in flat.elements[1:]] == [(250.0, {}), (2e-9, {}), (5e-4, {})]


def measured_of(number: int, change: tuple[str, str], name: str, session: Session) -> tuple[Verdict, float | None]:
    task = load_task(number)
    text = reference_deck(task).replace(*change)
    assert text != reference_deck(task)
    verdict = check_in(session, task, text)
    return verdict, next((item.value for item in verdict.items if item.name.startswith(name) and not item.ok), None)


def test_opamp_without_compensation_is_rejected_for_its_phase_margin(session: Session):
    verdict, margin_deg = measured_of(14, ("Cc z Vout 2p", "Cc z Vout 1f"), "phase_margin", session)
    assert (verdict.ok, verdict.stage) == (False, "function")
    assert margin_deg is not None and margin_deg < 0


def test_integrator_without_path_for_the_offset_is_rejected_under_robustness(session: Session):
    verdict, _ = measured_of(18, ("R2 n Vout 3.3meg\n", ""), "magnitude_error", session)
    assert (verdict.ok, verdict.stage) == (False, "robustness")
    assert "mV offset of x1" in verdict.message


def test_differentiator_that_rings_is_rejected(session: Session):
    verdict, error = measured_of(19, ("C2 n Vout 500p\n", ""), "transient_error", session)
    assert (verdict.ok, verdict.stage) == (False, "function")
    assert (
        error is not None and error > 1.0
    )  # the capacitor is what damps the loop: the ringing is as large as the level


MANY = 400  # transistors: more names than ngspice takes in one command


def test_circuit_of_many_transistors_is_measured(session: Session):
    task = load_task(1)
    one = next(line for line in reference_deck(task).splitlines() if line.startswith("M1"))
    more = "\n".join(one.replace("M1", f"M{place}") for place in range(1, MANY + 1))
    text = reference_deck(task).replace(one, more).replace("22k", str(22e3 / MANY))
    verdict = check_in(session, task, text, robustness=False)
    assert verdict.ok, verdict.message


EXTREMES = (0.0, 1e-300, 1e-30, 1e-15, 1e15, 1e30, 1e300, -1.0, -1e-30, -1e30)
FUZZED = 40


def test_extreme_values_give_a_verdict(session: Session):
    """Values of elements, sizes and models anywhere from 1e-300 to 1e300, on the references that are fast."""
    draw = random.Random(6)
    fast = [task for task in all_tasks() if task.id in {1, 5, 7, 10, 13, 20, 25, 28}]
    for _ in range(FUZZED):
        task = draw.choice(fast)
        words = reference_deck(task).split(" ")
        numbers = [place for place, word in enumerate(words) if "=" in word or word.split("\n")[0][:1].isdigit()]
        for place in draw.sample(numbers, 2):
            head, _, tail = words[place].partition("\n")
            words[place] = (
                f"{head.split('=')[0]}={draw.choice(EXTREMES)}" if "=" in head else str(draw.choice(EXTREMES))
            )
            words[place] += f"\n{tail}" if tail else ""
        assert isinstance(check_in(session, task, " ".join(words), robustness=False), Verdict)


@pytest.mark.parametrize(
    "text", ["", "\n", "title only", "title\n.end", "title\n+ +\n.end", "t\n" + "R1 a b 1\n" * 600]
)
def test_deck_of_nothing_or_of_too_much_is_rejected_by_the_linter(text: str, session: Session):
    verdict = check_in(session, load_task(1), text)
    assert (verdict.ok, verdict.stage) == (False, "lint")
