"""The retrieval designer on the built-in tasks: circuit, decks checked, verdict, worst margin, wall time.

    python benchmarks/analog_retrieve.py [--seed 0] [TASK ...]

Acceptance: tasks 1 to 24 pass, each within 60 s.
"""

from __future__ import annotations

import argparse
import time

from lightloop.analog.retrieve.designer import RetrieveDesigner
from lightloop.analog.retrieve.improve import least_margin
from lightloop.analog.retrieve.score import ranked
from lightloop.analog.task import Task, all_tasks, load_task
from lightloop.analog.trial import Trial

BAR_S = 60.0
ACCEPTED = 24


def row(task: Task, trial: Trial, wall_s: float) -> str:
    last = trial.attempts[-1]
    lines = [line.split(":")[0] for line in last.plan.splitlines() if not line.startswith(" ")]
    circuit = next((line for line in lines if line != "circuits"), "")
    checked = next((line.split()[0] for line in last.plan.splitlines() if " decks checked" in line), "0")
    margin, name = least_margin(last.verdict) if last.verdict else (float("nan"), "")
    verdict = "pass" if trial.ok else "FAIL"
    return f"| {task.id} | {task.key} | {circuit} | {checked} | {verdict} | {margin:.3f} {name} | {wall_s:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tasks = [load_task(which) for which in given.tasks] or [task for task in all_tasks() if ranked(task)]
    print("| id | task | circuit | decks | verdict | worst margin | wall s |")
    print("|---|---|---|---|---|---|---|")
    passed = slow = 0
    for task in tasks:
        started = time.monotonic()
        trial = RetrieveDesigner(seed=given.seed).trial(task)
        wall_s = time.monotonic() - started
        print(row(task, trial, wall_s), flush=True)
        passed += trial.ok and task.id <= ACCEPTED
        slow += wall_s > BAR_S
    print(f"\n{passed} of {sum(task.id <= ACCEPTED for task in tasks)} pass; {slow} took more than {BAR_S:g} s")


if __name__ == "__main__":
    main()
