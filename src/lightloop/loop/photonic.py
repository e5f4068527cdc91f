"""Stage 2: the trained model on the photonic core. Perplexity by resolution and noise, over several draws."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lightloop.loop.progress import Report
from lightloop.loop.settings import LoopSettings, PhotonicSettings
from lightloop.parallel import run_jobs
from lightloop.runs import RunFolder, read_json, write_json

STAGE = "photonic"
CORE = "dot"


@dataclass(frozen=True)
class Cell:
    """One measurement: a resolution (None: the digital model), a multiple of the noise, a draw."""

    bits: int | None
    noise: float = 0.0
    seed: int = 0

    @property
    def name(self) -> str:
        """Name of its file."""
        resolution = "fp32" if self.bits is None else f"{self.bits}bit"
        return f"{resolution}-noise{self.noise:g}-seed{self.seed}"


@dataclass(frozen=True)
class CellJob:
    """One measurement, as it is sent to a worker."""

    cell: Cell
    settings: PhotonicSettings
    run: Path
    file: Path


def measure_perplexity(
    settings: LoopSettings, folder: RunFolder, earlier: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Measure all cells. Those measured before an interruption are read back.

    Returns:
        `model`: the run that was measured; `cells`: each with bits, noise, seed, loss, perplexity and nats_per_byte.
    """
    run = earlier["training"]["best"][settings.photonic.optimizer]
    cells = _cells(settings.photonic)
    jobs = [
        CellJob(cell, settings.photonic, folder / f"train/{run}", folder / f"photonic/{cell.name}.json")
        for cell in cells
    ]
    report(STAGE, 0, len(jobs))
    results = run_jobs(measure_one, jobs, on_done=lambda done: report(STAGE, done, len(jobs)))
    return {
        "model": run,
        "cells": [asdict(cell) | result for cell, result in zip(cells, results, strict=True)],
    }


def _cells(settings: PhotonicSettings) -> list[Cell]:
    clean = [Cell(None), *(Cell(bits) for bits in settings.bits)]
    swept = [(bits, factor) for bits in settings.noise_bits for factor in settings.noise]
    full = [(bits, 1.0) for bits in (*settings.bits, *settings.noise_bits)]
    noisy = [Cell(bits, factor, seed) for bits, factor in [*full, *swept] for seed in range(settings.seeds)]
    missing_clean = [Cell(bits) for bits in settings.noise_bits]
    return list(dict.fromkeys([*clean, *missing_clean, *noisy]))


def measure_one(job: CellJob) -> dict[str, Any]:
    """Perplexity of one cell, in a worker process."""
    if job.file.exists():
        return read_json(job.file)
    from contextlib import nullcontext

    from lightloop.onn import convert
    from lightloop.optics import Noise
    from lightloop.pretrain.evaluation import evaluate

    model, windows = _model_and_windows(job.run, job.settings.tokens)
    cell = job.cell
    if cell.bits is not None:
        model = convert(model, core=CORE, bits=cell.bits, wavelengths=job.settings.wavelengths)
    noise = Noise(
        magnitude=job.settings.magnitude, phase_deg=job.settings.phase_deg, output=job.settings.output
    ).scaled(cell.noise)
    with noise.sample(seed=cell.seed) if cell.noise else nullcontext():
        found = evaluate(model, windows)
    result = {
        "loss": found.loss,
        "perplexity": found.perplexity,
        "nats_per_byte": found.nats_per_byte,
        "tokens": found.tokens,
    }
    write_json(job.file, result)
    return result


@lru_cache(maxsize=1)
def _model_and_windows(run: Path, tokens: int) -> tuple[Any, Any]:
    from lightloop.pretrain.evaluation import held_out_windows, load_run

    model, _, _ = load_run(run)
    return model, held_out_windows(run, tokens=tokens)
