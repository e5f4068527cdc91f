"""Explore a space of designs: evaluate all of them in chunks, keep them, and find those that none beats.

The run folder holds `designs.parquet` (every evaluated design), `front.csv`, `result.json`, `run.toml` and `log.txt`.
While it runs, each finished chunk is a file of its own, so that a killed run resumes with the chunks that are missing
and ends with the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from lightloop.accelerator.exploration.chunk import Job
from lightloop.accelerator.exploration.outcome import Exploration, read_exploration
from lightloop.accelerator.exploration.sampling import Designs
from lightloop.accelerator.exploration.space import Space, load_space
from lightloop.accelerator.exploration.table import join, packed
from lightloop.accelerator.machine import library_of
from lightloop.accelerator.machine_file import read_machine
from lightloop.parallel import cores, run_jobs
from lightloop.runs import RunFolder, write_file, write_json, write_text
from lightloop.workload.products import Workload

TABLE, FRONT, RESULT, PARTS = "designs.parquet", "front.csv", "result.json", "parts"
# A second process takes about a second to start; one that runs gets through about so many products meanwhile.
PRODUCTS_FOR_A_WORKER = 20_000_000
JOBS_FOR_A_WORKER = 4
JOBS_FOR_A_CLUSTER = 256

Progress = Callable[[int, int], Any]


def explore(
    space: Space | str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    cluster: str | None = None,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Exploration:
    """Evaluate every design of a space.

    Args:
        space: The space, or the path of a SPACE.toml.
        out: The run folder.
        resume: Go on with a run that was interrupted; a finished one is only read again.
        cluster: Address of a Dask scheduler. Its workers need a machine file under the same path.
        workers: Processes on this machine; None for as many as the work is worth, which is often one.
        on_progress: Called with (designs done, designs in all).

    Returns:
        The front, the best designs and the counts.

    Raises:
        InputError: The space has mistakes, or the folder holds another run.
        MissingProgramError: `cluster` is given and Dask is not installed.
    """
    if not isinstance(space, Space):
        space = load_space(space)
    networks = tuple(item.build() for item in space.workloads)
    folder = RunFolder.open(out, _record(space, networks), resume=resume)
    _sweep(folder)
    if not (folder / TABLE).exists():
        parts = _evaluate(folder, space, networks, cluster, workers, on_progress)
        join(parts, folder / TABLE, space)
    found = read_exploration(folder / TABLE, space)
    write_text(folder / FRONT, found.front_csv())
    write_json(folder / RESULT, found.to_dict())
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    folder.log(f"done: {found!r}")
    return found


def _evaluate(
    folder: RunFolder,
    space: Space,
    networks: tuple[Workload, ...],
    cluster: str | None,
    workers: int | None,
    on_progress: Progress | None,
) -> list[Path]:
    """Evaluate the chunks that are missing; the parts of all, in order."""
    designs = Designs.of(space)
    starts = range(0, designs.size, space.chunk)
    parts = [folder / PARTS / f"{number:06d}.parquet" for number in range(len(starts))]
    jobs = {
        part: Job(space, designs, networks, start, min(start + space.chunk, designs.size))
        for part, start in zip(parts, starts, strict=True)
    }
    missing = [part for part in parts if not part.exists()]
    done = designs.size - sum(jobs[part].stop - jobs[part].start for part in missing)
    folder.log(f"{designs.size} designs in {len(parts)} chunks, {len(missing)} to evaluate")
    workers = workers or _worth([jobs[part] for part in missing])
    at_once = JOBS_FOR_A_CLUSTER if cluster else (JOBS_FOR_A_WORKER * workers if workers > 1 else 1)
    for first in range(0, len(missing), at_once):
        wave = missing[first : first + at_once]
        for part, content in zip(wave, _packed([jobs[part] for part in wave], workers, cluster), strict=True):
            write_file(part, partial(_write_bytes, content))
            done += jobs[part].stop - jobs[part].start
        if on_progress:
            on_progress(done, designs.size)
    return parts


def _write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _packed(jobs: list[Job], workers: int, cluster: str | None) -> list[bytes]:
    """Each chunk as a Parquet file. The workers need no folder in common: the bytes come back here."""
    if workers == 1 and cluster is None:
        return [packed(job) for job in jobs]
    return run_jobs(packed, jobs, workers=len(jobs) if cluster else workers, cluster=cluster)


def _worth(jobs: list[Job]) -> int:
    """How many processes are worth their start for so much work."""
    products = sum((job.stop - job.start) * sum(len(network.products) for network in job.workloads) for job in jobs)
    return min(cores(), max(products // PRODUCTS_FOR_A_WORKER, 1))


def _record(space: Space, networks: tuple[Workload, ...]) -> dict[str, Any]:
    """The settings, and digests of what they name: a run must not go on with a file that has changed meanwhile."""
    file = read_machine(space.machine)
    constants = library_of(file, space.machine).constants.values()
    inputs = {
        "machine": file.model_dump(mode="json"),
        "device_constants": [asdict(constant) for constant in constants],
        "workloads": [network.to_dict() for network in networks],
    }
    digests = {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest() for name, value in inputs.items()
    }
    return {**space.model_dump(mode="json", by_alias=True), "sha256": digests}


def _sweep(folder: RunFolder) -> None:
    """Remove what a killed run left half written."""
    for name in (TABLE, FRONT, RESULT, f"{PARTS}/*"):
        place, _, file = name.rpartition("/")
        for leftover in (folder / place).glob(f".{file}.*"):
            leftover.unlink(missing_ok=True)
