"""Reference decks broken by rule are rejected; those that still work are listed, each with its reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from types import ModuleType

import pytest

from lightloop.analog import Task, all_tasks, load_task, reference_deck
from lightloop.analog.check import check_in
from lightloop.analog.check.mutants import MUTATIONS, Mutant, mutants
from lightloop.analog.check.pipeline import SIMULATOR
from lightloop.spice import Session, lint
from lightloop.spice.policy import TRUSTED

pytestmark = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

# Receivers are judged by figures that a change may leave within their limits; their own tests break them.
TASKS = [task for task in all_tasks() if task.kind != "receiver"]
LONG = {9, 13, 15, 16, 17, 22, 23, 24, 30, 31}  # most of the time; the slow tests have them
LOOPS = {23, 24, 31}  # seconds for each
LOOP_MUTANTS = 2  # of each kind
LEAST_FOR_24 = 144  # the bar of the issue for tasks 1 to 24


@pytest.fixture(scope="module")
def benchmark(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("benchmarks/analog_mutants.py")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(SIMULATOR) as found:
        yield found


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[Mutant, ...]]:
    """All mutants of every task."""
    return {task.key: mutants(task, reference_deck(task), most=999) for task in TASKS}


@pytest.mark.parametrize("task", [task for task in TASKS if task.id not in LONG], ids=lambda task: task.key)
def test_one_mutant_of_each_kind_is_rejected(task: Task, benchmark: ModuleType, session: Session):
    drawn = mutants(task, reference_deck(task), most=1)
    broken = [mutant for mutant in drawn if benchmark.is_broken(task, mutant)]
    passed = [item for item in broken if check_in(session, task, item.text, robustness=False).ok]
    assert len(broken) >= benchmark.LEAST - 1
    assert [item.name for item in passed if check_in(session, task, item.text).ok] == []


def test_every_task_has_enough_broken_circuits(benchmark: ModuleType, made: dict[str, tuple[Mutant, ...]]):
    counts = {task.id: sum(benchmark.is_broken(task, mutant) for mutant in made[task.key]) for task in TASKS}
    assert min(counts.values()) >= benchmark.LEAST
    assert sum(count for number, count in counts.items() if number <= 24) >= LEAST_FOR_24


def test_every_reason_is_given_for_a_mutant_that_is_made(benchmark: ModuleType, made: dict[str, tuple[Mutant, ...]]):
    unused = [
        (key, pattern)
        for entry in (*benchmark.LISTED["equivalent"], *benchmark.LISTED["survivor"])
        for key in entry["tasks"]
        for pattern in entry["mutants"]
        if not any(fnmatchcase(name, pattern) for name in (mutant.name for mutant in made[key]))
    ]
    assert unused == []


def test_mutants_are_the_same_each_time_and_differ_from_one_another():
    task = load_task(14)
    first, second = (mutants(task, reference_deck(task), most=3) for _ in range(2))
    assert first == second
    assert len({mutant.name for mutant in first}) == len(first)
    assert {mutant.kind for mutant in first} < set(MUTATIONS)
    assert all(lint(mutant.text, TRUSTED).deck is not None for mutant in first)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_all_mutants_are_rejected_or_explained(task: Task, benchmark: ModuleType):
    drawn = mutants(task, reference_deck(task), most=LOOP_MUTANTS if task.id in LOOPS else 12)
    cases = [benchmark.judged((task.id, mutant)) for mutant in drawn]
    assert benchmark.mistakes_of_the_list(cases) == []
