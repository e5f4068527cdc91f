"""Folders of analog work: a designed circuit, a bench of a designer, a sized deck, each with its page."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lightloop.analog.bench.result import BenchResult
from lightloop.analog.bench.run import bench as bench_of
from lightloop.analog.bench.trials import TrialTable, made_or_read, opened
from lightloop.analog.evidence.collect import evidence
from lightloop.analog.retrieve.designer import RetrieveDesigner
from lightloop.analog.retrieve.score import ranked
from lightloop.analog.schematic.draw import schematic
from lightloop.analog.sizing.goal import Goal, load_goal
from lightloop.analog.sizing.run import SizingSettings, read_circuit
from lightloop.analog.sizing.run import size as sized
from lightloop.analog.task import Task
from lightloop.analog.trial import Designer
from lightloop.loop.progress import Report, silent
from lightloop.report.analog_bench_page import write_bench_report
from lightloop.report.analog_page import write_design_report
from lightloop.report.analog_sizing_page import write_sizing_report
from lightloop.runs import RunFolder, read_json, write_json, write_text
from lightloop.settings import parse_settings
from lightloop.spice.linter import read_deck

RESULT, EVIDENCE = "result.json", "evidence.json"
DECK = "design.cir"

Values = dict[str, Any]


def design(
    task: Task,
    designer: Designer,
    out: str | Path,
    *,
    samples: int = 1,
    resume: bool = False,
    report: Report = silent,
) -> tuple[Values, Path]:
    """Let a designer try a task until a trial passes, and write the circuit and all that is known of it.

    Args:
        task: What to design.
        designer: Who tries.
        out: The folder: `trials/TASK-SAMPLE.json`, `design.cir`, `result.json`, `evidence.json`, `report.html`.
        samples: Trials at most.
        resume: Go on with an interrupted run; a finished one is only read again.
        report: Called with ("trials", done, in all).

    Returns:
        What `result.json` holds, and the page.

    Raises:
        InputError: The folder holds another run, or what the designer raises.
    """
    folder = opened(out, designer, [task], samples, resume=resume)
    if not (folder / RESULT).exists():
        trials: list[TrialTable] = []
        while len(trials) < samples and not (trials and trials[-1]["ok"]):
            trials.append(made_or_read(designer, task, len(trials), folder))
            report("trials", len(trials), samples)
        _write_design(folder, task, designer, trials)
        folder.log(f"done: {'passed' if trials[-1]['ok'] else 'failed'} at trial {len(trials)}")
    return read_json(folder / RESULT), _design_page(folder)


def _write_design(folder: RunFolder, task: Task, designer: Designer, trials: list[TrialTable]) -> None:
    last = trials[-1]["attempts"][-1]
    shown: Values = {}
    if last["deck"]:
        write_text(folder / DECK, last["deck"])
        shown = evidence(task, last["deck"])
    write_json(folder / EVIDENCE, shown)
    about = {name: getattr(task, name) for name in ("id", "key", "title", "statement", "level", "kind")}
    write_json(
        folder / RESULT,
        {
            "task": about,
            "designer": designer.name,
            "ok": trials[-1]["ok"],
            "verdict": last["verdict"],
            "deck": DECK if last["deck"] else None,
            "ranking": [one.to_dict() for one in ranked(task)] if isinstance(designer, RetrieveDesigner) else [],
            "trials": trials,
        },
    )


def _design_page(folder: RunFolder) -> Path:
    data = {**read_json(folder / RESULT), "evidence": read_json(folder / EVIDENCE), "made_by": folder.provenance()}
    return write_design_report(folder.path, data)[0]


def bench(
    designer: Designer,
    tasks: Sequence[Task],
    out: str | Path | None,
    *,
    samples: int = 1,
    resume: bool = False,
    workers: int = 1,
    report: Report = silent,
) -> tuple[BenchResult, Path | None]:
    """Run a bench as `lightloop.analog.bench` does, and write its page where it has a folder."""
    found = bench_of(designer, tasks, samples, out, partial(report, "trials"), resume=resume, workers=workers)
    return found, None if out is None else _bench_page(RunFolder(Path(out)))


def _bench_page(folder: RunFolder) -> Path:
    return write_bench_report(folder.path, {**read_json(folder / RESULT), "made_by": folder.provenance()})[0]


def size(
    deck: Path,
    goal: Path,
    out: str | Path,
    *,
    vary: Sequence[str] = (),
    search: Mapping[str, Any] | None = None,
    backend: str = "pool",
    workers: int | None = None,
    resume: bool = False,
    report: Report = silent,
) -> tuple[Values, Path]:
    """Size a deck as `lightloop.analog.sizing` does, and write its page.

    Args:
        deck: The deck's file.
        goal: The goal's file.
        out: The folder.
        vary: Variables, instead of those of the goal.
        search: Settings of the search that replace those of the goal.
        backend: `pool` or `processes`.
        workers: Simulators at a time.
        resume: Go on with an interrupted run.
        report: Called with ("designs", done, in all).

    Returns:
        What `result.json` holds, and the page.
    """
    wanted = _with_search(load_goal(goal), search or {}, str(goal))
    sized(
        read_deck(deck),
        wanted,
        vary=vary,
        out=out,
        resume=resume,
        backend=backend,
        workers=workers,
        on_progress=lambda done, total, _best: report("designs", done, total),
    )
    folder = RunFolder(Path(out))
    return read_json(folder / RESULT), _sizing_page(folder)


def _with_search(goal: Goal, changed: Mapping[str, Any], source: str) -> Goal:
    """The goal with other settings of its search, checked as if they stood in its file."""
    search = parse_settings(type(goal.search), {**goal.search.model_dump(), **changed}, source)
    return goal.model_copy(update={"search": search})


def _sizing_page(folder: RunFolder) -> Path:
    result = read_json(folder / RESULT)
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    history = [{name: float(row[name] or "nan") for name in ("evaluation", "objective", "violation")} for row in rows]
    goal = parse_settings(SizingSettings, folder.settings(), str(folder.path)).goal
    ends = goal.testbench.inputs, [goal.testbench.output]
    drawn = schematic(read_circuit(result["deck"], goal), *ends).to_dict()
    data = {"result": result, "history": history, "schematic": drawn}
    return write_sizing_report(folder.path, {**data, "made_by": folder.provenance()})[0]


def rebuild_analog_page(folder: str | Path) -> Path | None:
    """Write the page of finished analog work again; None where the folder holds none."""
    run = RunFolder(Path(folder))
    if not (run / "run.toml").exists() or not (run / RESULT).exists():
        return None
    result = read_json(run / RESULT)
    return next((write(run) for key, write in _PAGES.items() if key in result), None)


# A key that only this kind of result has -> its page.
_PAGES: dict[str, Callable[[RunFolder], Path]] = {
    "trials": _design_page,
    "groups": _bench_page,
    "holds_at_corners": _sizing_page,
}
