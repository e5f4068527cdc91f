"""The state of a design on disk: arrays and numbers, whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lightloop.errors import InputError
from lightloop.inverse.adam import State
from lightloop.inverse.optimize import Record
from lightloop.runs import write_arrays

Array = np.ndarray[Any, np.dtype[Any]]
FILE = "checkpoint.npz"


class Progress(NamedTuple):
    """A design under way.

    Attributes:
        state: Of the optimiser.
        history: One record for each step.
        frames: The solid part of the cells in 1/255 now and then, each (nx, ny).
        seconds: Processor time so far.
    """

    state: State
    history: list[Record]
    frames: list[Array]
    seconds: float


def write_progress(path: Path, progress: Progress) -> None:
    """To `checkpoint.npz` of a folder."""
    state = progress.state
    arrays = {
        **{name: getattr(state, name).numpy() for name in ("parameters", "mean", "square")},
        "step": np.array(state.step),
        "history": np.array(progress.history, dtype=float).reshape(-1, len(Record._fields)),
        "frames": np.array(progress.frames, dtype=np.uint8),
        "seconds": np.array(progress.seconds),
    }
    write_arrays(path / FILE, arrays)


def read_progress(path: Path) -> Progress | None:
    """From a folder; None if there is none.

    Raises:
        InputError: It cannot be read.
    """
    import torch

    if not (path / FILE).exists():
        return None
    try:
        with np.load(path / FILE, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        parameters, mean, square = (torch.from_numpy(arrays[name]) for name in ("parameters", "mean", "square"))
        history = [Record(int(row[0]), *map(float, row[1:])) for row in arrays["history"]]
        state = State(parameters, mean, square, int(arrays["step"]))
        return Progress(state, history, list(arrays["frames"]), float(arrays["seconds"]))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(
            f"{path / FILE} cannot be read: {error}", hint="delete it, and the design begins anew"
        ) from None
