"""The file of a sweep: `[model]`, `[text]` and `[train]` as in a run file, and `[sweep]`, which says what varies.

    [sweep]
    seeds = [0, 1, 2]
    baseline = "adamw"               # the first case if not given
    [[sweep.case]]
    optimizer = "adamw"
    lr = [1e-3, 2e-3, 4e-3]
    [[sweep.case]]
    name = "apollo-sparse"           # the optimizer's name if not given
    optimizer = "apollo"
    projection = "sparse"            # any key of [train]
    lr = [5e-3, 1e-2, 2e-2]

Every seed at every learning rate of every case is one run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PositiveFloat, model_validator

from lightloop.errors import InputError, unknown_name
from lightloop.pretrain.optimizers import unread
from lightloop.pretrain.settings import ModelSettings, OptimizerName, PretrainSettings, TextSettings, TrainSettings
from lightloop.settings import Settings, mistaken, mistakes

VARIED = ("optimizer", "lr", "seed")
Seed = Annotated[int, Field(ge=0, lt=2**63)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"  # it becomes the name of a folder


def _one_or_many(given: Any) -> Any:
    return [given] if isinstance(given, int | float) else given


class SweepCase(Settings):
    """One contender: an optimizer with its options, at several learning rates.

    Attributes:
        name: What tables and curves call it; the optimizer's name if not given.
        optimizer: A name of `OPTIMIZERS`.
        lr: Its highest learning rates: one number, or several.
    """

    model_config = ConfigDict(extra="allow")  # keys of [train]; checked below

    name: str | None = Field(default=None, pattern=NAME)
    optimizer: OptimizerName
    lr: Annotated[tuple[PositiveFloat, ...], BeforeValidator(_one_or_many), Field(min_length=1)]

    @model_validator(mode="after")
    def _options_are_known(self) -> SweepCase:
        if "seed" in self.options:
            raise ValueError("the seeds are those of [sweep]; leave seed out")
        lines = mistakes(TrainSettings, self.options)
        if lines:
            raise mistaken(f"case {self.label!r}", lines)
        if len(set(self.lr)) < len(self.lr):
            raise ValueError(f"case {self.label!r} has a learning rate twice")
        return self

    @property
    def label(self) -> str:
        """Its name."""
        return self.name or self.optimizer

    @property
    def options(self) -> dict[str, Any]:
        """What it sets of [train] beside optimizer and learning rate."""
        return dict(self.model_extra or {})


class SweepTable(Settings):
    """What varies.

    Attributes:
        seeds: Every case is trained with each of them at each of its learning rates.
        baseline: The case that the others are held against; the first if not given.
        case: The contenders.
    """

    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1)
    baseline: str | None = None
    case: tuple[SweepCase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_single(self) -> SweepTable:
        names = [case.label for case in self.case]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"several cases are called {', '.join(twice)}; give each a name of its own")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is given twice; equal seeds give equal runs")
        if self.baseline is not None and self.baseline not in names:
            raise unknown_name("case for the baseline", self.baseline, names)
        return self


@dataclass(frozen=True)
class SweepRun:
    """One training of a sweep.

    Attributes:
        case: Name of its case.
        lr: Its learning rate.
        seed: Its seed.
        settings: All of its settings.
    """

    case: str
    lr: float
    seed: int
    settings: PretrainSettings

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.case}-lr{self.lr:g}-s{self.seed}"


class SweepSettings(Settings):
    """Everything a sweep depends on.

    Attributes:
        model: The decoder of all runs.
        text: What they read.
        train: How they learn, as far as the cases do not say otherwise.
        sweep: What varies.
    """

    model: ModelSettings
    text: TextSettings
    train: TrainSettings = TrainSettings()
    sweep: SweepTable

    @model_validator(mode="after")
    def _runs_are_whole(self) -> SweepSettings:
        given = [name for name in VARIED if name in self.train.model_fields_set]
        if given:
            raise ValueError(f"[sweep] says {', '.join(given)}; leave it out of [train]")
        lines: dict[str, None] = {}
        for case in self.sweep.case:
            wrong = (line for lr in case.lr for line in mistakes(PretrainSettings, self._table(case, lr, 0)))
            lines |= {f"case {case.label!r}: {line}": None for line in wrong}
        if lines:
            raise mistaken("[train] with the cases", list(lines))
        twice = [name for name, count in Counter(run.name for run in self.runs()).items() if count > 1]
        if twice:
            raise InputError(f"several runs would be called {', '.join(twice)}", hint="learning rates need six digits")
        return self

    @property
    def baseline(self) -> str:
        """Name of the case that the others are held against."""
        return self.sweep.baseline or self.sweep.case[0].label

    def runs(self) -> list[SweepRun]:
        """All runs, those of the first seed first, so that a sweep cut short still compares all cases."""
        return [
            SweepRun(case.label, lr, seed, PretrainSettings.model_validate(self._table(case, lr, seed)))
            for seed in self.sweep.seeds
            for place in range(max(len(case.lr) for case in self.sweep.case))
            for case in self.sweep.case
            for lr in case.lr[place : place + 1]
        ]

    def unread(self) -> list[str]:
        """A line for each key that a case sets and its optimizer does not read, or [train] sets and no case reads."""
        own = [line for case in self.sweep.case for line in unread([case.optimizer], case.options)]
        return own + unread([case.optimizer for case in self.sweep.case], self.train.model_fields_set)

    def record(self) -> dict[str, Any]:
        """The settings as `run.toml` holds them: such that they can be read again."""
        return self.model_dump(mode="json", exclude={"train": set(VARIED)})

    def _table(self, case: SweepCase, lr: float, seed: int) -> dict[str, Any]:
        chosen = {**self.train.model_dump(), **case.options, "optimizer": case.optimizer, "lr": lr, "seed": seed}
        return {"model": self.model.model_dump(), "text": self.text.model_dump(), "train": chosen}
