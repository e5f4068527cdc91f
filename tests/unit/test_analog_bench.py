"""The bench: Pass@k, its figures, files that a killed bench goes on from, and a replay that repeats bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lightloop.analog import load_task
from lightloop.analog.bench.estimator import pass_at_k
from lightloop.analog.bench.leaderboard import published
from lightloop.analog.bench.result import markdown_table
from lightloop.analog.bench.run import bench
from lightloop.analog.task import Task
from lightloop.analog.trial import Attempt, Trial
from lightloop.analog.verdict import Verdict
from lightloop.errors import InputError

ROUNDED = 5e-7  # the reference gives six digits
TASKS = [load_task(number) for number in (1, 9, 14)]


class Fake:
    """A designer whose trial of a task and sample passes by a table; the key `stop` interrupts it."""

    name = "fake:x"

    def __init__(self, passes: Callable[[Task, int], bool], seconds: float = 0.0, stop: int = -1) -> None:
        self.passes, self.seconds, self.stop, self.calls = passes, seconds, stop, 0

    @property
    def settings(self):
        return {"temperature": 0.5, "ablation": {"no_plan": True, "no_library": False}}

    def trial(self, task: Task, sample: int = 0) -> Trial:
        if self.calls == self.stop:
            raise KeyboardInterrupt
        self.calls += 1
        ok = self.passes(task, sample)
        verdicts = [Verdict(task.key, False, "lint", (), "no"), Verdict(task.key, ok, "function", (), "maybe")]
        attempts = [Attempt(None, None, seconds=self.seconds)]
        attempts += [Attempt("deck", verdict, "plan", "", 100, 10, self.seconds) for verdict in verdicts]
        return Trial(task.key, sample, tuple(attempts))


def odd(task: Task, sample: int) -> bool:
    return task.id < 14 and sample % 2 == 1


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [(30, 1, 5, 0.166667), (15, 3, 1, 0.2), (5, 5, 5, 1.0), (5, 0, 5, 0.0), (5, 1, 5, 1.0), (10, 6, 5, 1.0)],
)
def test_pass_at_k_is_the_unbiased_estimate(n: int, c: int, k: int, expected: float):
    assert pass_at_k(n, c, k) == pytest.approx(expected, abs=ROUNDED)


def test_pass_at_k_is_exact_in_the_two_cases_of_the_reference():
    assert (pass_at_k(30, 1, 5), pass_at_k(15, 3, 1)) == (1 / 6, 0.2)


def test_pass_at_k_agrees_with_counting_all_choices():
    from itertools import combinations

    for c in range(8):
        choices = list(combinations(range(7), 3)) if c <= 7 else []
        share = sum(min(choice) < c for choice in choices) / len(choices)
        assert pass_at_k(7, c, 3) == pytest.approx(share, rel=1e-12)


def test_pass_at_k_of_too_few_trials_is_unknown_and_of_nonsense_an_error():
    assert pass_at_k(4, 4, 5) is None
    for wrong in ((-1, 0, 1), (3, 4, 1), (3, -1, 1), (3, 1, 0)):
        with pytest.raises(InputError, match="pass@"):
            pass_at_k(*wrong)


def test_figures_of_tasks_and_levels():
    result = bench(Fake(odd), TASKS, 5)
    table = result.to_dict()
    first, groups = table["tasks"][0], {row["group"]: row for row in table["groups"]}
    assert (first["trials"], first["passed"], first["repaired"], first["attempts"]) == (5, 2, 2, 15)
    assert (first["pass_at_1"], first["pass_at_5"]) == (0.4, 1.0)
    assert (first["prompt_tokens"], first["answer_tokens"]) == (1000, 100)
    assert first["failures"] == {"function": 3, "lint": 5, "no deck": 5}
    assert {name: row["solved"] for name, row in groups.items()} == {"easy": 1, "medium": 1, "hard": 0, "all": 2}
    assert groups["all"]["pass_at_1"] == pytest.approx(0.8 / 3)
    assert groups["all"]["pass_at_5"] == pytest.approx(2 / 3)


def test_report_shows_figures_settings_and_the_quoted_leaderboard():
    result = bench(Fake(odd), TASKS, 5)
    text = result.markdown()
    assert "| 1 | common-source | easy | 2/5 | 40.0 | 100.0 | 15 |" in text
    assert "function 5, lint 5, no deck 5 (no trial passed)" in text
    assert "temperature 0.5, no plan True" in text
    assert "| **fake:x** | 26.7 | 66.7 | 2/3 |" in text
    assert published().source in text
    recorded = replace(result, settings={"model": "hand-written"})
    assert "| **fake:x (hand-written)** | 26.7 |" in recorded.markdown()
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


def test_times_stand_in_the_report_only_where_something_was_timed():
    timed, untimed = bench(Fake(odd, 0.5), TASKS), bench(Fake(odd), TASKS)
    assert timed.to_dict()["groups"][-1]["seconds"] == pytest.approx(4.5)
    assert "| tokens | s |" in timed.markdown()
    assert "seconds" not in json.dumps(untimed.to_dict())
    assert "| tokens | s |" not in untimed.markdown()


def test_fewer_than_five_samples_have_no_pass_at_5():
    row = bench(Fake(odd), TASKS, 4).to_dict()["groups"][-1]
    assert (row["pass_at_5"], row["pass_at_1"]) == (None, pytest.approx(1 / 3))


def test_stopped_bench_goes_on_to_the_same_result(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        bench(Fake(odd, stop=4), TASKS, 3, tmp_path / "run")
    assert len(list((tmp_path / "run" / "trials").glob("*.json"))) == 4
    second, seen = Fake(odd), []
    resumed = bench(second, TASKS, 3, tmp_path / "run", lambda *done: seen.append(done), resume=True)
    whole = bench(Fake(odd), TASKS, 3, tmp_path / "whole")
    assert (second.calls, seen[0], seen[-1]) == (5, (5, 9), (9, 9))
    assert resumed == whole
    for name in ("result.json", "report.md"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_folder_of_another_bench_is_refused(tmp_path: Path):
    bench(Fake(odd), TASKS, 1, tmp_path)
    with pytest.raises(InputError, match="already holds a run"):
        bench(Fake(odd), TASKS, 1, tmp_path)
    with pytest.raises(InputError, match="samples"):
        bench(Fake(odd), TASKS, 2, tmp_path, resume=True)
    with pytest.raises(InputError, match="tasks"):
        bench(Fake(odd), TASKS[:2], 1, tmp_path, resume=True)


@pytest.mark.parametrize(("tasks", "samples"), [([], 1), (TASKS[:1] * 2, 1), (TASKS, 0)])
def test_bench_of_nothing_is_refused(tasks: list[Task], samples: int):
    with pytest.raises(InputError, match=r"bench needs tasks|samples of each"):
        bench(Fake(odd), tasks, samples)


def test_quoted_leaderboard_is_whole_and_ordered():
    board = published()
    rows = {row.model: (row.pass_at_1, row.pass_at_5, row.solved) for row in board.rows}
    assert len(rows) == len(board.rows) == 41
    assert rows["GPT-4o with AnalogCoder"] == (66.1, 75.9, 20)
    assert rows["Claude-3.5 with AnalogCoder"] == (76.1, 86.3, 22)
    assert rows["GPT-3.5"] == (21.4, 35.0, 10)
    assert all(row.pass_at_1 <= row.pass_at_5 and row.solved <= board.tasks for row in board.rows)


def test_bar_in_a_cell_does_not_break_a_table():
    assert markdown_table(["a"], [["x|y"]]).splitlines()[-1] == "| x\\|y |"
