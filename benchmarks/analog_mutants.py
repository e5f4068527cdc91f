"""How many broken circuits the checker rejects: every reference deck, broken in many ways by rule.

    python benchmarks/analog_mutants.py [--tasks 1 2 3] [--most 12] [--most-slow 4] [--json FILE]

The mutants are those of `lightloop.analog.check.mutants`. Each is first checked without robustness, and with it where
it passes. `analog_mutants.toml` lists those that still are what their task asks for, each with the reason: they must
pass. All others are broken and should be rejected; those known to survive are listed there too, with why. The exit
status is 1 where the bar is missed, a survivor has no explanation, or the list is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
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
# What is `equivalent`, and each known `survivor`.
LISTED: dict[str, list[dict[str, Any]]] = tomllib.loads(REASONS.read_text(encoding="utf-8"))
SLOW_KINDS = frozenset({"vco", "pll"})  # seconds for each check, half a minute with robustness
REJECTED = 0.98  # of all broken circuits: the bar of the issue
LEAST = 6  # broken circuits of each task: the bar of the issue


@dataclass(frozen=True)
class Case:
    """A mutant and what the checker said.

    Args:
        task: Key of the task.
        mutant: Kind and place of the mutation.
        broken: Whether it should be rejected.
        reason: Why it still works, or why a broken one survives; None where neither is known.
        rejected: Whether the checker rejected it.
        stage: The stage that did, or the last one.
        message: The first line of the verdict.
    """

    task: str
    mutant: str
    broken: bool
    reason: str | None
    rejected: bool
    stage: str
    message: str


def reason_of(kind: str, task: Task, mutant: Mutant) -> str | None:
    """The reason that the list gives for a mutant of a kind, `equivalent` or `survivor`."""
    for entry in LISTED[kind]:
        if task.key in entry["tasks"] and any(fnmatchcase(mutant.name, pattern) for pattern in entry["mutants"]):
            return str(entry["reason"])
    return None


def is_broken(task: Task, mutant: Mutant) -> bool:
    return reason_of("equivalent", task, mutant) is None


def judged(job: tuple[int, Mutant]) -> Case:
    """The verdict on one mutant; the costly last stage only where all others pass."""
    number, mutant = job
    task = load_task(number)
    verdict = check(task, mutant.text, robustness=False)
    if verdict.ok:
        verdict = check(task, mutant.text)
    told = verdict.message.partition("\n")[0]
    broken = is_broken(task, mutant)
    reason = reason_of("survivor" if broken else "equivalent", task, mutant)
    return Case(task.key, mutant.name, broken, reason, not verdict.ok, verdict.stage, told)


def drawn(number: int, most: int, most_slow: int) -> tuple[Mutant, ...]:
    task = load_task(number)
    return mutants(task, reference_deck(task), most=min(most, most_slow) if task.kind in SLOW_KINDS else most)


def all_cases(options: argparse.Namespace, console: Console) -> list[Case]:
    jobs = [(number, mutant) for number in options.tasks for mutant in drawn(number, options.most, options.most_slow)]
    with console.status("") as status:
        return run_jobs(
            judged, jobs, workers=options.workers, on_done=lambda done: status.update(f"{done} of {len(jobs)} mutants")
        )


def table(cases: list[Case]) -> Table:
    columns = ("mutants", "still working", "broken", "rejected", "survive", "lint", "simulate", "at rest", "structure")
    out = Table(
        "task", *columns, "function", "robustness", box=SIMPLE, title="Mutants, and the stage that rejects them"
    )
    stages = ("lint", "simulate", "operating-point", "structure", "function", "robustness")
    for key in dict.fromkeys(case.task for case in cases):
        mine = [case for case in cases if case.task == key]
        broken = [case for case in mine if case.broken]
        rejected = [case for case in broken if case.rejected]
        counts = [len(mine), len(mine) - len(broken), len(broken), len(rejected), len(broken) - len(rejected)]
        counts += [sum(case.stage == stage for case in rejected) for stage in stages]
        out.add_row(key, *map(str, counts))
    return out


def mistakes_of_the_list(cases: list[Case]) -> list[str]:
    """Mutants that pass without an explanation, and explained ones that are rejected."""
    passing = [case for case in cases if case.reason is None and not case.rejected]
    stale = [case for case in cases if case.reason is not None and case.rejected]
    found = [f"{case.task}: {case.mutant} passes without an explanation" for case in passing]
    return found + [f"{case.task}: {case.mutant} is listed as passing, but: {case.message}" for case in stale]


def faults(cases: list[Case]) -> list[str]:
    """What is wrong: too few rejected or made, or the list."""
    broken = [case for case in cases if case.broken]
    share = sum(case.rejected for case in broken) / max(len(broken), 1)
    found = [] if share >= REJECTED else [f"{share:.1%} of the broken circuits are rejected, not {REJECTED:.0%}"]
    for key in dict.fromkeys(case.task for case in cases):
        count = sum(case.task == key for case in broken)
        found += [] if count >= LEAST else [f"{key}: {count} broken circuits, not {LEAST}"]
    return found + mistakes_of_the_list(cases)


def explain(cases: list[Case], console: Console) -> None:
    """Print every mutant that passes, by reason: those that still work, then the broken ones."""
    for broken, title in ((False, "Still what the task asks for:"), (True, "Broken, and not rejected:")):
        passed = [case for case in cases if case.broken is broken and not case.rejected]
        console.print(f"\n{title}" if passed else "", style="bold")
        for reason in dict.fromkeys(case.reason for case in passed):
            names = [f"{case.task}: {case.mutant}" for case in passed if case.reason == reason]
            console.print("\n".join(names), highlight=False)
            console.print(f"    {reason}", style="dim")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tasks", type=int, nargs="*", default=[task.id for task in all_tasks() if task.kind != "receiver"]
    )
    parser.add_argument(
        "--most", type=int, default=12, help="mutants of each kind for a task, drawn where there are more"
    )
    parser.add_argument("--most-slow", type=int, default=4, help="the same for oscillators with a control, and loops")
    parser.add_argument("--workers", type=int, help="processes; as many as cores if left out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console(width=160)
    cases = all_cases(options, console)
    broken = [case for case in cases if case.broken]
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
