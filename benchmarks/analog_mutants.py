"""How many broken circuits the checker rejects: every reference deck, broken in many ways by rule.

    python benchmarks/analog_mutants.py [--tasks 1 2 3] [--most 12] [--workers 1] [--json FILE]

The mutants are those of `lightloop.analog.check.mutants`. Each is first checked without robustness, and with it where
it passes. `analog_mutants.toml` lists those that still are what their task asks for, each with the reason: they must
pass, all others must be rejected. The exit status is 1 where the bar is missed or the list is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from lightloop.analog import Task, all_tasks, load_task, reference_deck
from lightloop.analog.check import check
from lightloop.analog.check.mutants import Mutant, mutants
from lightloop.parallel import run_jobs
from lightloop.runs import provenance, write_json

REASONS = Path(__file__).with_suffix(".toml")
REJECTED = 0.98  # of all broken circuits: the bar of the issue
LEAST = 6  # broken circuits of each task: the bar of the issue


@dataclass(frozen=True)
class Case:
    """A mutant, why it still works where it does, and what the checker said: the stage that rejected it, or a pass."""

    task: str
    mutant: str
    reason: str | None
    rejected: bool
    stage: str
    message: str


@cache
def reasons() -> list[dict[str, Any]]:
    """The entries of the list."""
    return list(tomllib.loads(REASONS.read_text(encoding="utf-8"))["equivalent"])


def reason_of(task: Task, mutant: Mutant) -> str | None:
    """Why a mutant still is what its task asks for; None for a broken one."""
    for entry in reasons():
        if task.key in entry["tasks"] and any(fnmatchcase(mutant.name, pattern) for pattern in entry["mutants"]):
            return str(entry["reason"])
    return None


def judged(job: tuple[int, Mutant]) -> Case:
    """The verdict on one mutant; the costly last stage only where all others pass."""
    number, mutant = job
    task = load_task(number)
    verdict = check(task, mutant.text, robustness=False)
    if verdict.ok:
        verdict = check(task, mutant.text)
    told = verdict.message.partition("\n")[0]
    return Case(task.key, mutant.name, reason_of(task, mutant), not verdict.ok, verdict.stage, told)


def all_cases(numbers: Iterable[int], most: int, workers: int, console: Console) -> list[Case]:
    jobs = [
        (number, mutant)
        for number in numbers
        for mutant in mutants(load_task(number), reference_deck(load_task(number)), most=most)
    ]
    with console.status("") as status:
        return run_jobs(
            judged, jobs, workers=workers, on_done=lambda done: status.update(f"{done} of {len(jobs)} mutants")
        )


def table(cases: list[Case]) -> Table:
    columns = ("mutants", "still working", "broken", "rejected", "survive", "lint", "simulate", "at rest", "structure")
    out = Table(
        "task", *columns, "function", "robustness", box=SIMPLE, title="Mutants, and the stage that rejects them"
    )
    stages = ("lint", "simulate", "operating-point", "structure", "function", "robustness")
    for key in dict.fromkeys(case.task for case in cases):
        mine = [case for case in cases if case.task == key]
        broken = [case for case in mine if case.reason is None]
        rejected = [case for case in broken if case.rejected]
        counts = [len(mine), len(mine) - len(broken), len(broken), len(rejected), len(broken) - len(rejected)]
        counts += [sum(case.stage == stage for case in rejected) for stage in stages]
        out.add_row(key, *map(str, counts))
    return out


def faults(cases: list[Case]) -> list[str]:
    """What is wrong: too few rejected or made, and reasons given for mutants that the checker rejects."""
    broken = [case for case in cases if case.reason is None]
    share = sum(case.rejected for case in broken) / max(len(broken), 1)
    found = [] if share >= REJECTED else [f"{share:.1%} of the broken circuits are rejected, not {REJECTED:.0%}"]
    for key in dict.fromkeys(case.task for case in cases):
        count = sum(case.task == key for case in broken)
        found += [] if count >= LEAST else [f"{key}: {count} broken circuits, not {LEAST}"]
    stale = [case for case in cases if case.reason is not None and case.rejected]
    return found + [f"{case.task}: {case.mutant} is said to work, but: {case.message}" for case in stale]


def explain(cases: list[Case], console: Console) -> None:
    """Print every mutant that passes: those that still work by reason, and those that should not."""
    for reason in dict.fromkeys(case.reason for case in cases if case.reason):
        for case in cases:
            if case.reason == reason and not case.rejected:
                console.print(f"{case.task}: {case.mutant}", highlight=False)
        console.print(f"    {reason}", style="dim")
    for case in cases:
        if case.reason is None and not case.rejected:
            console.print(f"{case.task}: {case.mutant} survives without a reason", style="red")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tasks", type=int, nargs="*", default=[task.id for task in all_tasks() if task.kind != "receiver"]
    )
    parser.add_argument(
        "--most", type=int, default=12, help="mutants of each kind for a task, drawn where there are more"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console(width=160)
    cases = all_cases(options.tasks, options.most, options.workers, console)
    broken = [case for case in cases if case.reason is None]
    console.print(table(cases))
    explain(cases, console)
    rejected, wrong = sum(case.rejected for case in broken), faults(cases)
    console.print(
        f"{rejected} of {len(broken)} broken circuits rejected; {len(cases) - len(broken)} mutants still work"
    )
    console.print("\n".join(wrong), style="red", highlight=False)
    if options.json:
        result = {"rejected": rejected, "broken": len(broken), "cases": [asdict(case) for case in cases]}
        write_json(options.json, {**result, "faults": wrong, "provenance": provenance()})
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
