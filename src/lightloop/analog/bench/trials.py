"""Trials on file: each is made once and then read, so that what was stopped goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightloop.analog.task import Task
from lightloop.analog.trial import Designer
from lightloop.runs import RunFolder, read_json, write_json

TrialTable = Mapping[str, Any]  # `Trial.to_dict()`


def opened(folder: str | Path, designer: Designer, tasks: Sequence[Task], samples: int, *, resume: bool) -> RunFolder:
    """The run folder of a designer's trials. A task whose statement or limits have changed makes another run.

    Raises:
        InputError: The folder holds a run and `resume` is false, or another run.
    """
    digests = {task.key: hashlib.sha256(repr(task).encode()).hexdigest()[:16] for task in tasks}
    table = {"designer": designer.name, "samples": samples, "tasks": digests, "with": designer.settings}
    return RunFolder.open(folder, table, resume=resume)


def trial_file(folder: RunFolder, task: Task, sample: int) -> Path:
    """The file of a trial."""
    return folder / f"trials/{task.key}-{sample:03d}.json"


def made(designer: Designer, task: Task, sample: int, path: Path | None) -> TrialTable:
    """A trial, made now, and written to a file where one is given."""
    trial = designer.trial(task, sample).to_dict()
    if path is not None:
        write_json(path, trial)
    return trial


def made_or_read(designer: Designer, task: Task, sample: int, folder: RunFolder) -> TrialTable:
    """A trial from its file; made now where there is none."""
    path = trial_file(folder, task, sample)
    return read_json(path) if path.exists() else made(designer, task, sample, path)
