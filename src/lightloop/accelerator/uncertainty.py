"""What is not known about the devices, carried through to energy, latency, area and power.

Every device constant with a range low .. high is drawn at random, all at once, and each alone is set to either end.

The distribution is triangular, with its peak at the constant's value; where the range spans more than a decade, and
for that begins above zero, it is triangular in the logarithm. Levels and losses in dB are logarithms already. Draws are
stratified: of n, one lies in each n-th of a constant's probability, so that bands settle with few samples. A constant
keeps its draws when others are added or held.

Where most ranges reach further up than down, the median lies above the nominal figure, and the nominal figure may even
lie outside the band: a peak of each constant is not the peak of their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import numpy as np

from lightloop.accelerator.designs import BITS, evaluate
from lightloop.accelerator.devices import Constant
from lightloop.accelerator.knobs import DEVICE
from lightloop.accelerator.machine import machine
from lightloop.errors import InputError
from lightloop.workload.products import Workload

METRICS = ("energy_mj", "latency_ms", "area_mm2", "power_mw")
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}
MIN_SAMPLES = 20  # so that one draw lies beyond each of the outer quantiles
MAX_SAMPLES = 1_000_000
BLOCK = 2000  # designs evaluated at once, so that what is in work stays small
DECADE = 10.0
# A change of less than this is rounding.
RELATIVE_ROUNDING = 1e-12


@dataclass(frozen=True)
class Sensitivity:
    """One constant alone at both ends of its range, all others at their values.

    Args:
        name: The constant, `mzm.energy_fj`.
        unit: Unit of value, low and high.
        value: Its value.
        low: Lower end.
        high: Upper end.
        energy_low_mj: Energy at the lower end; NaN where the laser would need more than a megawatt.
        energy_high_mj: Energy at the upper end.
        latency_low_ms: Latency at the lower end.
        latency_high_ms: Latency at the upper end.
        area_low_mm2: Area at the lower end.
        area_high_mm2: Area at the upper end.
        power_low_mw: Power at the lower end.
        power_high_mw: Power at the upper end.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    energy_low_mj: float
    energy_high_mj: float
    latency_low_ms: float
    latency_high_ms: float
    area_low_mm2: float
    area_high_mm2: float
    power_low_mw: float
    power_high_mw: float

    @property
    def swing_mj(self) -> float:
        """How far the energy goes from end to end; infinite where one end is impossible."""
        swing = abs(self.energy_high_mj - self.energy_low_mj)
        return swing if np.isfinite(swing) else float("inf")


@dataclass(frozen=True)
class Uncertainty:
    """Bands of a run's figures, and which constants make them.

    Args:
        samples: Number of draws.
        seed: Their seed.
        impossible: Draws whose laser would need more than a megawatt; they are not in the quantiles.
        metrics: Figure -> nominal, q05, q25, q50, q75, q95.
        tornado: The constants that change something, the largest swing of energy first.
    """

    samples: int
    seed: int
    impossible: int
    metrics: dict[str, dict[str, float]]
    tornado: tuple[Sensitivity, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON; an impossible end is None."""
        rows = [{key: _or_none(value) for key, value in asdict(row).items()} for row in self.tornado]
        metrics = {name: {key: _or_none(v) for key, v in band.items()} for name, band in self.metrics.items()}
        return {
            "samples": self.samples, "seed": self.seed, "impossible": self.impossible, "metrics": metrics,
            "tornado": rows,
        }  # fmt: skip


def uncertainty(
    machine_name: str,
    workload: Workload,
    *,
    bits: int = 4,
    samples: int = 1000,
    seed: int = 0,
    mode: str = "strict",
    rule: str = "2^b",
    **overrides: float,
) -> Uncertainty:
    """Bands and sensitivities of `workload` on a machine.

    Args:
        machine_name: A preset or a machine file.
        workload: What runs.
        bits: Resolution.
        samples: Number of draws, at least `MIN_SAMPLES`.
        seed: Seed of the draws.
        mode: `compat`, `fixed` or `strict`.
        rule: Rule of the link budget.
        **overrides: As for `accelerator.machine`. A constant that is set is known and held.

    Raises:
        InputError: An argument is not allowed.
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or not MIN_SAMPLES <= samples <= MAX_SAMPLES:
        raise InputError(
            f"samples must be a whole number from {MIN_SAMPLES} to {MAX_SAMPLES}, got {samples!r}",
            hint=f"fewer than {MIN_SAMPLES} draws leave less than one beyond q05 and q95; 1000 give steady bands",
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    uncertain = _uncertain(machine(machine_name, bits=bits, rule=rule, **overrides).library.constants.values())
    held: dict[str, float] = {BITS: float(bits), **overrides}

    # One row for the nominal machine, two for each constant alone, then the draws.
    alone = 1 + 2 * len(uncertain)
    changed = {f"{DEVICE}{c.name}": np.full(alone + samples, c.value) for c in uncertain}
    for number, constant in enumerate(uncertain):
        column = changed[f"{DEVICE}{constant.name}"]
        column[1 + 2 * number : 3 + 2 * number] = constant.low, constant.high
        column[alone:] = draws(constant, samples, seed)
    figures = _evaluated(machine_name, held, changed, alone + samples, workload, mode=mode, rule=rule)

    possible = np.isfinite(figures["energy_mj"][alone:])
    metrics = {
        name: {"nominal": float(values[0]), **_quantiles(values[alone:][possible])} for name, values in figures.items()
    }
    return Uncertainty(samples, seed, int((~possible).sum()), metrics, _tornado(uncertain, figures))


def draws(constant: Constant, samples: int, seed: int) -> np.ndarray:
    """Stratified draws of one constant between its low and high, in its unit, shape (samples,)."""
    generator = np.random.default_rng([seed, crc32(constant.name.encode())])
    uniform = (generator.permutation(samples) + generator.random(samples)) / samples
    low, high = float(constant.low or 0.0), float(constant.high or 0.0)
    if low > 0 and high > DECADE * low and not constant.unit.startswith("dB"):
        return np.exp(_triangular(uniform, *np.log([low, constant.value, high])))
    return _triangular(uniform, low, constant.value, high)


def _triangular(uniform: np.ndarray, low: float, peak: float, high: float) -> np.ndarray:
    """Quantiles of the triangular distribution, the inverse of its piecewise quadratic cumulative probability."""
    below = (peak - low) / (high - low)
    rising = low + np.sqrt(uniform * (high - low) * (peak - low))
    falling = high - np.sqrt((1 - uniform) * (high - low) * (high - peak))
    return np.clip(np.where(uniform < below, rising, falling), low, high)


def _uncertain(constants: Any) -> list[Constant]:
    """The constants with a range, by name. Those that the user has set have none."""
    found = [c for c in constants if c.low is not None and c.high is not None and c.low < c.high]
    return sorted(found, key=lambda constant: constant.name)


def _evaluated(
    name: str,
    held: dict[str, float],
    changed: dict[str, np.ndarray],
    rows: int,
    workload: Workload,
    *,
    mode: str,
    rule: str,
) -> dict[str, np.ndarray]:
    figures = {metric: np.empty(rows) for metric in METRICS}
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        size = block.stop - block.start
        columns = {key: np.full(size, value) for key, value in held.items()}
        columns |= {key: values[block] for key, values in changed.items()}
        found = evaluate(name, columns, workload, mode=mode, rule=rule)
        for metric, values in figures.items():
            values[block] = found[metric]
    return figures


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(QUANTILES, float("nan"))
    return dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())).tolist(), strict=True))


def _tornado(uncertain: Sequence[Constant], figures: dict[str, np.ndarray]) -> tuple[Sensitivity, ...]:
    rows = []
    for number, c in enumerate(uncertain):
        low, high = 1 + 2 * number, 2 + 2 * number
        if any(_changes(values[0], values[[low, high]]) for values in figures.values()):
            ends = [float(figures[metric][end]) for metric in METRICS for end in (low, high)]
            rows.append(Sensitivity(c.name, c.unit, c.value, float(c.low or 0.0), float(c.high or 0.0), *ends))
    return tuple(sorted(rows, key=lambda row: (-row.swing_mj, row.name)))


def _changes(nominal: float, ends: np.ndarray) -> bool:
    """Whether either end differs by more than rounding; an impossible end does."""
    return not bool(np.all(np.abs(ends - nominal) <= RELATIVE_ROUNDING * abs(nominal)))


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
