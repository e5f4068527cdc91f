"""Run a bench: every task and sample once, each trial a file, so that a stopped bench goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lightloop.analog.bench.result import BenchResult
from lightloop.analog.bench.trials import TrialTable, made, opened, trial_file
from lightloop.analog.task import Task
from lightloop.analog.trial import Designer
from lightloop.errors import InputError
from lightloop.parallel import run_jobs
from lightloop.runs import read_json, write_json, write_text

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """One trial to be made: a task, a sample, and the file that it goes to."""

    task: Task
    sample: int
    path: Path | None


def bench(
    designer: Designer,
    tasks: Sequence[Task],
    samples: int = 1,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    *,
    resume: bool = False,
    workers: int = 1,
) -> BenchResult:
    """Let a designer try every task several times.

    Args:
        designer: Who tries.
        tasks: What.
        samples: How often each; trials of one task differ by their sample index.
        folder: A run folder: `trials/TASK-SAMPLE.json`, `result.json`, `report.md`. Nothing is kept if None.
        progress: Called with (trials done, trials in all).
        resume: Go on in a folder that holds some of the trials.
        workers: Processes; trials at a time.

    Raises:
        InputError: No task, a task twice, no sample, or a folder of another bench.
    """
    _check_amounts(tasks, samples)
    run = None if folder is None else opened(folder, designer, tasks, samples, resume=resume)
    jobs = [
        Job(task, sample, trial_file(run, task, sample) if run else None) for task in tasks for sample in range(samples)
    ]
    kept = {place: read_json(job.path) for place, job in enumerate(jobs) if job.path and job.path.exists()}
    missing = [place for place in range(len(jobs)) if place not in kept]
    told = (lambda done: progress(len(kept) + done, len(jobs))) if progress else None
    new = run_jobs(partial(_made, designer), [jobs[place] for place in missing], workers=workers, on_done=told)
    trials = kept | dict(zip(missing, new, strict=True))
    in_order = tuple(trials[place] for place in sorted(trials))
    result = BenchResult(designer.name, samples, tuple(tasks), in_order, designer.settings)
    if run is not None:
        write_json(run / "result.json", result.to_dict())
        write_text(run / "report.md", result.markdown())
    return result


def _made(designer: Designer, job: Job) -> TrialTable:
    return made(designer, job.task, job.sample, job.path)


def _check_amounts(tasks: Sequence[Task], samples: int) -> None:
    keys = [task.key for task in tasks]
    if not keys or len(set(keys)) < len(keys):
        raise InputError(f"a bench needs tasks, each once; got {', '.join(keys) or 'none'}")
    if samples < 1:
        raise InputError(f"{samples} samples of each task; at least 1 is needed")
