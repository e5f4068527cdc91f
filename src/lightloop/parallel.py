"""The one door to many cores and many machines.

`run_jobs` maps a function over independent jobs in joblib worker processes; with `cluster` the same call runs on a
Dask cluster. Results do not depend on how many workers there are.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TypeVar

from lightloop.errors import MissingProgramError

Job = TypeVar("Job")
Answer = TypeVar("Answer")

WATCH_PERIOD_S = 0.5


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    function: Callable[[Job], Answer],
    jobs: Sequence[Job],
    *,
    workers: int | None = None,
    cluster: str | None = None,
    on_done: Callable[[int], None] | None = None,
    on_answer: Callable[[int, Answer], None] | None = None,
) -> list[Answer]:
    """`[function(job) for job in jobs]`, in worker processes of one BLAS thread each.

    Args:
        function: A function of a module (it is sent to the workers by name).
        jobs: Its arguments, one for each call.
        workers: Number of processes; the number of cores if None. One worker runs in this process.
        cluster: Address of a Dask scheduler; the work goes there instead.
        on_done: Called with the number of finished jobs, each time one ends.
        on_answer: Called with the place of a job and its answer, in the order of `jobs`, as soon as those are there.

    Returns:
        The answers, in the order of `jobs`.

    Raises:
        MissingProgramError: `cluster` is given and Dask is not installed.
    """
    from joblib import Parallel, delayed

    workers = min(workers or cores(), max(len(jobs), 1))
    with _backend(cluster):
        task = delayed(function if cluster else partial(_attended, function, os.getpid()))
        stream = Parallel(n_jobs=workers, return_as="generator")(task(job) for job in jobs)
        answers = []
        for answer in stream:
            answers.append(answer)
            if on_answer:
                on_answer(len(answers) - 1, answer)
            if on_done:
                on_done(len(answers))
    return answers


def _attended(function: Callable[[Job], Answer], owner: int, job: Job) -> Answer:
    """One job in a worker that does not outlive the process `owner`, even if that one is killed."""
    if os.getpid() != owner:
        _leave_with(owner)
    return function(job)


@cache
def _leave_with(owner: int) -> None:
    """Start, once in a process, a thread that ends the process when its parent is no longer `owner`."""

    def watch() -> None:
        while os.getppid() == owner:
            time.sleep(WATCH_PERIOD_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _backend(cluster: str | None) -> Iterator[Any]:
    from joblib import parallel_config

    if cluster is None:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise MissingProgramError("--cluster needs Dask", hint="pip install 'lightloop[cluster]'") from None
    with Client(cluster), parallel_config(backend="dask"):
        yield
