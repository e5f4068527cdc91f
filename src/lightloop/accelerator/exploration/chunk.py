"""One stretch of designs: made, held against the constraints, and evaluated for every network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightloop.accelerator.designs import BITS, OF_MACHINE, OF_WORKLOAD, evaluate
from lightloop.accelerator.exploration.constraint import holds, spelled
from lightloop.accelerator.exploration.network import METRICS
from lightloop.accelerator.exploration.sampling import Designs
from lightloop.accelerator.exploration.space import Space
from lightloop.accelerator.exploration.tally import Tally
from lightloop.accelerator.formulas import formula
from lightloop.workload.products import Workload

Columns = dict[str, np.ndarray]

DESIGN, FEASIBLE = "design", "feasible"
# Arrays of (designs, products) stay in the cache when they have about so many cells.
CELLS = 100_000
MIN_BLOCK = 500


@dataclass(frozen=True)
class Job:
    """A stretch of designs, with all that a worker needs."""

    space: Space
    designs: Designs
    workloads: tuple[Workload, ...]
    start: int
    stop: int


def evaluated(job: Job) -> tuple[Columns, Tally]:
    """The table of one stretch.

    Returns:
        Columns of shape (designs kept,): `design` (its number), the axes, the figures, `feasible`; and the counts.
    """
    count = job.stop - job.start
    tally = Tally(designs=count, refused=dict.fromkeys(job.space.constraints, 0))
    axes = job.designs.columns(job.start, job.stop)
    axes.setdefault(BITS, np.full(count, float(job.space.bits[0])))
    on_axes, on_figures = _sorted_constraints(job.space)
    kept = _within(on_axes, axes, np.ones(count, dtype=bool), tally)
    rows = np.flatnonzero(kept)
    tally.ruled_out = count - len(rows)
    columns = {key: values[rows] for key, values in axes.items()}
    columns |= _figures(job, columns)
    possible = ~np.isnan(columns["energy_mj"])
    feasible = _within(on_figures, columns, possible, tally)
    tally.impossible, tally.feasible = int((~possible).sum()), int(feasible.sum())
    return {DESIGN: job.start + rows, **columns, FEASIBLE: feasible}, tally


def _sorted_constraints(space: Space) -> tuple[list[str], list[str]]:
    """The constraints on axes alone, and the others."""
    axes = {spelled(key) for key in (BITS, *space.axes)}
    on_axes = [text for text in space.constraints if formula(text).names <= axes]
    return on_axes, [text for text in space.constraints if text not in on_axes]


def _within(constraints: list[str], columns: Columns, asked: np.ndarray, tally: Tally) -> np.ndarray:
    """Which of the designs `asked` keep to every constraint, shape (designs,); those refused are counted."""
    named = {spelled(key): values for key, values in columns.items()}
    kept = asked.copy()
    for text in constraints:
        fits = holds(formula(text), named, len(asked))
        tally.refused[text] += int((asked & ~fits).sum())
        kept &= fits
    return kept


def _figures(job: Job, axes: Columns) -> Columns:
    """Every figure of every network, and their totals, shape (designs,) each."""
    found = [_of_network(job, network, axes) for network in job.workloads]
    if len(found) == 1:
        return found[0]
    weights = [item.weight for item in job.space.workloads]
    energy_mj = sum(w * f["energy_mj"] for w, f in zip(weights, found, strict=True))
    latency_ms = sum(w * f["latency_ms"] for w, f in zip(weights, found, strict=True))
    floor_mj = sum(w * f["energy_mj"] / f["floor_ratio"] for w, f in zip(weights, found, strict=True))
    totals = {
        "energy_mj": energy_mj,
        "latency_ms": latency_ms,
        **{key: found[0][key] for key in OF_MACHINE},
        "edp_mj_ms": energy_mj * latency_ms,
        "floor_ratio": energy_mj / floor_mj,
    }
    own = {
        f"{key}.{item.column}": figures[key]
        for item, figures in zip(job.space.workloads, found, strict=True)
        for key in OF_WORKLOAD
    }
    return totals | own  # type: ignore[return-value]


def _of_network(job: Job, network: Workload, axes: Columns) -> Columns:
    count = len(axes[BITS])
    block = max(CELLS // max(len(network.products), 1), MIN_BLOCK)
    figures = {key: np.empty(count) for key in METRICS}
    for start in range(0, count, block):
        part = {key: values[start : start + block] for key, values in axes.items()}
        found = evaluate(job.space.machine, part, network, mode=job.space.mode, rule=job.space.rule)
        for key, values in figures.items():
            values[start : start + block] = found[key]
    return figures
