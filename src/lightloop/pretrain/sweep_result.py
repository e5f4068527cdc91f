"""What a sweep says: each case at its best learning rate, how sure that is, and how far the cases are apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from lightloop.errors import InputError
from lightloop.pretrain.result import HistoryRow


@dataclass(frozen=True)
class SweepOutcome:
    """How one run of a sweep ended.

    Attributes:
        case: Name of its case.
        lr: Its learning rate.
        seed: Its seed.
        folder: Its folder, relative to that of the sweep.
        diverged: What the training said when its loss was no longer a number; None if it ended well.
        loss: On the whole held-out text, in nats per token; None if it diverged.
        optimizer_bytes: Memory of the optimizer's state tensors; None if it diverged.
        seconds: Time of all steps and measurements; None if it diverged.
        history: Its curve; empty if it diverged.
    """

    case: str
    lr: float
    seed: int
    folder: str
    diverged: str | None = None
    loss: float | None = None
    optimizer_bytes: int | None = None
    seconds: float | None = None
    history: tuple[HistoryRow, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All but the curve, as JSON can hold it."""
        return {key: value for key, value in asdict(self).items() if key != "history"}


@dataclass(frozen=True)
class Spread:
    """Losses of several seeds, in nats per token.

    Attributes:
        mean: Their mean.
        lowest: The best.
        highest: The worst.
        standard_error: Of the mean; None for a single seed.
        seeds: How many.
    """

    mean: float
    lowest: float
    highest: float
    standard_error: float | None
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return cls(fmean(values), min(values), max(values), error, len(values))


@dataclass(frozen=True)
class Rate:
    """One case at one learning rate.

    Attributes:
        lr: The learning rate.
        loss: Over the seeds that ended well; None if none did.
        runs: One for each seed.
    """

    lr: float
    loss: Spread | None
    runs: tuple[SweepOutcome, ...]

    @property
    def diverged(self) -> int:
        """How many of the runs diverged."""
        return sum(run.diverged is not None for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        loss = None if self.loss is None else asdict(self.loss)
        return {"lr": self.lr, "loss": loss, "diverged": self.diverged, "runs": [run.to_dict() for run in self.runs]}


@dataclass(frozen=True)
class CaseResult:
    """One case of a sweep.

    Attributes:
        name: Its name.
        optimizer: Its optimizer.
        options: What it sets of [train] beside optimizer and learning rate.
        rates: By rising learning rate.
        best: The rate of the lowest mean loss, of those at which the fewest seeds diverged; None if all did.
        edge: "lowest" or "highest" if `best` is that end of the grid, "only" if it is both; None inside.
        difference: Mean loss above that of the baseline, over the seeds that both have; None for the baseline.
    """

    name: str
    optimizer: str
    options: Mapping[str, Any]
    rates: tuple[Rate, ...]
    best: Rate | None
    edge: str | None
    difference: Spread | None = None

    @property
    def well(self) -> list[SweepOutcome]:
        """The runs at the best learning rate that did not diverge."""
        return [run for run in self.best.runs if run.loss is not None] if self.best else []

    def remarks(self) -> list[str]:
        """What a reader must know before trusting the figures, in sentences."""
        grid = ", ".join(f"{rate.lr:g}" for rate in self.rates)
        if self.best is None:
            return [f"{self.name}: every run diverged ({grid}); try smaller learning rates."]
        found = []
        if self.edge == "only":
            found.append(f"{self.name}: only one learning rate was tried ({grid}), so it is not tuned.")
        elif self.edge:
            further = "larger" if self.edge == "highest" else "smaller"
            found.append(
                f"{self.name}: its best learning rate, {self.best.lr:g}, is the {self.edge} of its grid ({grid}); "
                f"try {further} ones. A rival that is not tuned is no rival."
            )
        if self.best.diverged:
            found.append(
                f"{self.name}: {self.best.diverged} of {len(self.best.runs)} seeds diverged at {self.best.lr:g}."
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the losses are those at the best learning rate."""
        loss = asdict(self.best.loss) if self.best and self.best.loss else dict.fromkeys(Spread.__dataclass_fields__)
        well = self.well
        return {
            "name": self.name,
            "optimizer": self.optimizer,
            "options": dict(self.options),
            "best_lr": self.best.lr if self.best else None,
            **loss,
            "edge": self.edge,
            "difference": None if self.difference is None else asdict(self.difference),
            "optimizer_bytes": well[0].optimizer_bytes if well else None,
            "seconds": fmean(run.seconds or 0.0 for run in well) if well else None,
            "curve": curve([run.history for run in well]),
            "rates": [rate.to_dict() for rate in self.rates],
        }


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep.

    Attributes:
        baseline: Name of the case that the others are held against.
        seeds: Of every case.
        parameters: Weights of the model; None if every run diverged.
        tokens_seen: Tokens that each run was trained on; None likewise, or where cases differ.
        cases: In the order of the file.
    """

    baseline: str
    seeds: tuple[int, ...]
    parameters: int | None
    tokens_seen: int | None
    cases: tuple[CaseResult, ...]

    def __repr__(self) -> str:
        told = ", ".join(f"{c.name} {c.best.loss.mean:.4f}" for c in self.cases if c.best and c.best.loss)
        return f"SweepResult({told or 'every run diverged'}; nats per token, {len(self.seeds)} seeds)"

    def remarks(self) -> list[str]:
        """Those of all cases."""
        return [line for case in self.cases for line in case.remarks()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to `result.json`."""
        return {
            "baseline": self.baseline,
            "seeds": list(self.seeds),
            "parameters": self.parameters,
            "tokens_seen": self.tokens_seen,
            "remarks": self.remarks(),
            "cases": [case.to_dict() for case in self.cases],
        }


def rate_of(lr: float, runs: Sequence[SweepOutcome]) -> Rate:
    """The runs of one case at one learning rate, together."""
    losses = [run.loss for run in runs if run.loss is not None]
    return Rate(lr, Spread.of(losses) if losses else None, tuple(runs))


def best_of(rates: Sequence[Rate]) -> tuple[Rate | None, str | None]:
    """The best of rates sorted by learning rate, and which end of the grid it is."""
    usable = [rate for rate in rates if rate.loss is not None]
    if not usable:
        return None, None
    best = min(usable, key=lambda rate: (rate.diverged, rate.loss.mean if rate.loss else math.inf))
    ends = [name for name, end in (("lowest", rates[0]), ("highest", rates[-1])) if best is end]
    return best, "only" if len(ends) == 2 else next(iter(ends), None)


def paired_difference(case: Sequence[SweepOutcome], baseline: Sequence[SweepOutcome]) -> Spread | None:
    """Loss of a case above that of the baseline, over the seeds that both have; None if they share none.

    Equal seeds share weights and batches, so the difference of a pair is surer than that of two means.
    """
    theirs = {run.seed: run.loss for run in baseline if run.loss is not None}
    pairs = [run.loss - theirs[run.seed] for run in case if run.loss is not None and run.seed in theirs]
    return Spread.of(pairs) if pairs else None


def curve(histories: Sequence[Sequence[HistoryRow]]) -> dict[str, list[float]]:
    """Held-out loss over the steps: mean, lowest and highest of the seeds.

    Raises:
        InputError: The runs were measured at different steps.
    """
    steps = [[row.step for row in history] for history in histories]
    if any(other != steps[0] for other in steps):
        raise InputError("runs of one case were measured at different steps", hint="give them one train.eval_every")
    rows = [[row.val_loss for row in at_step] for at_step in zip(*histories, strict=True)]
    return {
        "step": [float(step) for step in steps[0]] if steps else [],
        "mean": [fmean(row) for row in rows],
        "lowest": [min(row) for row in rows],
        "highest": [max(row) for row in rows],
    }
