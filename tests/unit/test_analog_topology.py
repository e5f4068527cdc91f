"""Parametric circuits: their holes are filled by their equations, and a different wish gives a different deck."""

from __future__ import annotations

import pytest

from lightloop.analog.check.lint import deck_policy
from lightloop.analog.retrieve.score import ranked
from lightloop.analog.task import Task, all_tasks, load_task, reference_deck
from lightloop.analog.topology.catalogue import all_topologies
from lightloop.analog.topology.circuit import write
from lightloop.analog.topology.spec import OutOfReach, Spec, with_wishes
from lightloop.errors import InputError
from lightloop.spice.deck import Deck
from lightloop.spice.linter import parse_deck
from lightloop.spice.numbers import parse_number

FOUR_DIGITS = 5e-4  # rounding to four digits moves a value by half a unit of the last one
SERVED = [task for task in all_tasks() if task.id <= 31]


def first_deck(task: Task) -> str:
    """The first cut of the best circuit."""
    topology = ranked(task)[0].topology
    return topology.deck(task, topology.first_cut(Spec(task)))


def numbers(deck: Deck) -> list[float]:
    """All values of the elements, sorted."""
    found = [item.value for item in deck.elements] + [
        value for item in deck.elements for value in item.parameters.values()
    ]
    return sorted(float(value) for value in found if value is not None)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", SERVED, ids=lambda task: task.key)
def test_each_task_has_a_circuit_that_keeps_its_rules(task: Task) -> None:
    best = ranked(task)[0].topology
    assert set(task.structure) <= set(best.rules)
    assert task.limits.keys() <= set(best.quantities)


@pytest.mark.parametrize("task", SERVED, ids=lambda task: task.key)
def test_a_first_cut_is_a_deck_that_the_linter_accepts_and_no_copy_of_the_reference(task: Task) -> None:
    policy = deck_policy(task)
    own, reference = parse_deck(first_deck(task), policy), parse_deck(reference_deck(task), policy)
    assert numbers(own) != numbers(reference)


@pytest.mark.parametrize("key", sorted(all_topologies()))
def test_equations_give_exactly_the_parameters_of_the_deck(key: str) -> None:
    topology = all_topologies()[key]
    scores = {found.score: task for task in SERVED for found in ranked(task) if found.topology is topology}
    task = scores[max(scores)]
    assert set(topology.first_cut(Spec(task))) == set(topology.parameters)
    assert topology.fixed <= set(topology.parameters)


@pytest.mark.parametrize("value", [0.0, 1.2345e-14, 9.9996e-7, 1e-6, 0.7654, 999.96, 22_100.0, 3.3e6, -2.5, 4.7e10])
def test_values_are_written_with_four_digits(value: float) -> None:
    read = parse_number(write(value))
    assert read is not None
    assert read == pytest.approx(value, rel=FOUR_DIGITS)


@pytest.mark.parametrize(
    ("task", "wishes"),
    [
        (1, {"gain": 10.0}),
        (1, {"current_a": 1e-3}),
        (5, {"supply_v": 3.3}),
        (14, {"gain_db": 90.0}),
        (17, {"frequency_hz": 5e3}),
        (22, {"width_v": 0.4}),
        (25, {"frequency_hz": 20e3}),
    ],
)
def test_a_different_wish_gives_a_different_deck(task: int, wishes: dict[str, float]) -> None:
    assert first_deck(with_wishes(load_task(task), wishes)) != first_deck(load_task(task))


def test_a_wish_makes_the_limit_of_the_verdict_tighter_and_never_looser() -> None:
    task = load_task("common-source")
    assert with_wishes(task, {"gain": 10.0}).limits["gain"].low == 10.0
    assert with_wishes(task, {"gain": 1.0}).limits["gain"].low == task.limits["gain"].low


def test_the_frequency_of_a_filter_moves_its_bands_too() -> None:
    conditions = with_wishes(load_task("band-pass"), {"frequency_hz": 20e3}).conditions
    assert conditions["corner"].values == (20e3,)
    assert conditions["stop"].values == pytest.approx((2e3, 200e3))


def test_a_frequency_in_the_statement_is_read() -> None:
    assert Spec(load_task("low-pass")).frequency_hz(default=7.0) == 1e3
    assert Spec(load_task("wien-bridge")).frequency_hz(default=7.0) == 7.0


@pytest.mark.parametrize(
    ("task", "wishes", "said"),
    [
        (1, {"gian": 10.0}, "did you mean 'gain'"),
        (1, {"gain": -1.0}, "above 0"),
        (1, {"gain": float("nan")}, "above 0"),
        (16, {"gain": 3.0}, "no limit 'gain'"),
        (3, {"gain": 2.0}, "upper limit"),
        (1, {"width_v": 1.0}, "no limit 'width'"),
    ],
)
def test_a_wish_that_cannot_be_met_is_said(task: int, wishes: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        with_wishes(load_task(task), wishes)


@pytest.mark.parametrize(
    ("key", "task", "wishes"),
    [
        ("common-source", 1, {"gain": 100.0}),
        ("source-follower", 1, {"gain": 2.0}),
        ("wien-bridge", 17, {"frequency_hz": 10e6}),
        ("relaxation-vco", 23, {"frequency_hz": 1e6}),
        ("telescopic", 15, {"supply_v": 1.5}),
        ("cascode-mirror", 12, {"supply_v": 1.0}),
        ("cmos-inverter", 7, {"supply_v": 0.9}),
        ("schmitt-trigger", 22, {"width_v": 6.0}),
    ],
)
def test_equations_without_an_answer_say_so(key: str, task: int, wishes: dict[str, float]) -> None:
    with pytest.raises(OutOfReach):
        all_topologies()[key].first_cut(Spec(with_wishes(load_task(task), wishes)))
