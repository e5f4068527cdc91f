"""Run a sweep: every run in a folder of its own, side by side, killed and resumed at any instant.

The folder holds `run.toml`, `runs/CASE-lrLR-sSEED/` for each run, and, when all have ended, `result.json`. A folder
may grow: with `resume`, a file with more cases, learning rates or seeds trains what is missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightloop.errors import InputError
from lightloop.parallel import run_jobs
from lightloop.pretrain.result import DivergedError, HistoryRow
from lightloop.pretrain.sweep import SweepRun, SweepSettings
from lightloop.pretrain.sweep_result import (
    CaseResult,
    SweepOutcome,
    SweepResult,
    best_of,
    paired_difference,
    rate_of,
)
from lightloop.runs import RunFolder, read_json, write_json
from lightloop.settings import as_line, mistaken

RESULT, DIVERGED = "result.json", "diverged.json"
# Called in a worker with the folder of a run; what it returns is called with the steps that are done.
Watch = Callable[[Path], Callable[[int], Any]]


@dataclass(frozen=True)
class SweepJob:
    """One training, as it is sent to a worker."""

    run: SweepRun
    folder: Path
    watch: Watch | None = None


def run_folders(sweep: SweepSettings, out: str | Path) -> list[Path]:
    """The folders of all runs of a sweep in `out`."""
    return [Path(out) / "runs" / run.name for run in sweep.runs()]


def run_sweep(
    sweep: SweepSettings,
    out: str | Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    watch: Watch | None = None,
) -> SweepResult:
    """Train all runs that are not finished, and compare the cases.

    Args:
        sweep: Model, text, cases, seeds.
        out: The folder.
        resume: Go on in a folder that holds a sweep. Finished runs are read, half-done ones go on.
        workers: Trainings at a time; as many as there are cores if None, and one on a GPU.
        cluster: Address of a Dask scheduler, whose workers see `out` under the same path.
        watch: Hears of the steps of each run.

    Returns:
        The comparison; a run that diverged is part of it. The same sweep gives the same losses however often it
        was interrupted and however many workers there were.

    Raises:
        InputError: Before the first run starts: the folder holds another sweep, a run was begun with other
            settings, or a case cannot be prepared.
    """
    folder, jobs = Path(out), [SweepJob(run, path, watch) for run, path in _places(sweep, out)]
    _check(sweep, folder, jobs, resume=resume)
    if not (folder / "run.toml").exists() or RunFolder(folder).settings() != sweep.record():
        RunFolder(folder).record(sweep.record())
    left = [job for job in jobs if not _ended(job.folder)]
    if left:
        (folder / RESULT).unlink(missing_ok=True)  # that of a smaller sweep; a folder with a result is finished
    for job in jobs:
        if watch and _ended(job.folder):
            watch(job.folder)(job.run.settings.train.steps)
    run_jobs(train_one, left, workers=workers or _at_once(sweep), cluster=cluster)
    result = compared(sweep, folder)
    write_json(folder / RESULT, result.to_dict())
    return result


def train_one(job: SweepJob) -> None:
    """Train in a worker process, on one thread, so that the losses are those of any number of workers."""
    from lightloop.pretrain.trainer import train

    settings = job.run.settings
    note = job.watch(job.folder) if job.watch else lambda _step: None
    with _one_thread():
        try:
            train(settings, job.folder, resume=True, on_step=lambda step, _loss: note(step))
        except DivergedError as error:
            write_json(job.folder / DIVERGED, {"diverged": error.message})
    if job.watch:
        job.watch(job.folder)(settings.train.steps)


def compared(sweep: SweepSettings, out: str | Path) -> SweepResult:
    """The result of a sweep whose runs have all ended, from their folders.

    Raises:
        InputError: A run has not ended, its result cannot be read, or the runs have read different texts.
    """
    places = _places(sweep, out)
    missing = [run.name for run, path in places if not _ended(path)]
    if missing:
        raise InputError(f"not finished: {', '.join(missing)}", hint="go on with the sweep: --resume")
    outcomes = [_outcome(run, path) for run, path in places]
    cases = [_case(case.label, case.optimizer, case.options, outcomes) for case in sweep.sweep.case]
    baseline = next(case for case in cases if case.name == sweep.baseline)
    tables = [read_json(path / RESULT) for _, path in places if (path / RESULT).exists()]
    if tables and _common(tables, "text_sha256") is None:
        raise InputError(f"the runs in {out} have read different texts", hint="begin again in another --out")
    return SweepResult(
        baseline=baseline.name,
        seeds=sweep.sweep.seeds,
        parameters=_common(tables, "parameters"),
        tokens_seen=_common(tables, "tokens_seen"),
        cases=tuple(
            case if case is baseline else replace(case, difference=paired_difference(case.well, baseline.well))
            for case in cases
        ),
    )


def _places(sweep: SweepSettings, out: str | Path) -> list[tuple[SweepRun, Path]]:
    return list(zip(sweep.runs(), run_folders(sweep, out), strict=True))


def _check(sweep: SweepSettings, folder: Path, jobs: Sequence[SweepJob], *, resume: bool) -> None:
    """Find all that is wrong before anything is trained or written, except that old `run.toml`s are completed."""
    if (folder / "run.toml").exists():
        if not resume:
            raise InputError(f"{folder} already holds a run", hint="add --resume to go on, or choose another --out")
        if "sweep" not in RunFolder(folder).settings():
            raise InputError(f"{folder} holds a run that is no sweep", hint="choose another --out")
    begun = [job for job in jobs if (job.folder / "run.toml").exists()]
    lines = [line for job in begun if (line := _mistake(job, resume))]
    known = {job.run.case for job in begun}
    fresh = {job.run.case: job.run for job in reversed(jobs) if job.run.case not in known}
    lines += _unprepared([fresh[case.label] for case in sweep.sweep.case if case.label in fresh])
    if lines:
        raise mistaken("the sweep", lines)


def _mistake(job: SweepJob, resume: bool) -> str:
    try:
        RunFolder.open(job.folder, job.run.settings, resume=resume)
    except InputError as error:
        return as_line(error)
    return ""


def _unprepared(runs: Sequence[SweepRun]) -> list[str]:
    """What keeps runs from their first step: text, tokenizer, model, optimizer and device are tried out."""
    from lightloop.pretrain.data import draw_batch
    from lightloop.pretrain.preparation import prepare

    cases: dict[str, list[str]] = {}  # by what is wrong with them
    with tempfile.TemporaryDirectory() as scratch:  # one for all: they share the tokenizer
        for run in runs:
            try:
                ready = prepare(run.settings, RunFolder(Path(scratch)))
                draw_batch(ready.text.tokens, 0, seed=run.seed, batch=1, context=ready.context)
            except InputError as error:
                cases.setdefault(as_line(error), []).append(run.case)
    return [f"{', '.join(names)}: {wrong}" for wrong, names in cases.items()]


def _ended(folder: Path) -> bool:
    return (folder / RESULT).exists() or (folder / DIVERGED).exists()


def _outcome(run: SweepRun, folder: Path) -> SweepOutcome:
    """How a run ended, by what its folder holds."""
    about: dict[str, Any] = {"case": run.case, "lr": run.lr, "seed": run.seed, "folder": f"runs/{folder.name}"}
    path = folder / RESULT
    try:
        if not path.exists():
            path = folder / DIVERGED
            return SweepOutcome(**about, diverged=read_json(path)["diverged"])
        table = read_json(path)
        return SweepOutcome(
            **about,
            loss=table["final_val_loss"],
            optimizer_bytes=table["optimizer_bytes"],
            seconds=table["seconds"],
            history=tuple(HistoryRow(**row) for row in table["history"]),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is not the result of a training: {error}", hint="delete it, then --resume") from None


def _case(name: str, optimizer: str, options: dict[str, Any], outcomes: Sequence[SweepOutcome]) -> CaseResult:
    own = [run for run in outcomes if run.case == name]
    rates = [rate_of(lr, [run for run in own if run.lr == lr]) for lr in sorted({run.lr for run in own})]
    best, edge = best_of(rates)
    return CaseResult(name, optimizer, options, tuple(rates), best, edge)


def _common(tables: Sequence[dict[str, Any]], key: str) -> int | None:
    """The value that all results share; None if they do not."""
    values = {table.get(key) for table in tables}
    return values.pop() if len(values) == 1 else None


def _at_once(sweep: SweepSettings) -> int | None:
    """One training at a time on a GPU, which has the memory of one."""
    if sweep.train.device == "cpu":
        return None
    import torch

    return 1 if torch.cuda.is_available() else None


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
