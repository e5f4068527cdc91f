"""The run file of the closed loop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from lightloop.accelerator.knobs import MAX_BITS
from lightloop.accelerator.machine_file import read_machine
from lightloop.accelerator.modes import MODES
from lightloop.errors import unknown_name
from lightloop.pretrain.settings import ModelSettings, OptimizerName, PretrainSettings, TextSettings, TrainSettings
from lightloop.settings import Settings


class Contender(Settings):
    """One optimizer and the learning rates it may choose from.

    Attributes:
        optimizer: A name of `pretrain`'s optimizers.
        lr: Learning rates; the best on held-out text counts.
        rank: Rank of the projection, for low-rank optimizers.
        scale: Factor of the update, or "auto", for low-rank optimizers.
    """

    optimizer: OptimizerName
    lr: tuple[PositiveFloat, ...] = Field(min_length=1)
    rank: PositiveInt | None = None
    scale: PositiveFloat | Literal["auto"] | None = None

    @field_validator("lr")
    @classmethod
    def _different(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(rates)) < len(rates):
            raise ValueError("each learning rate may stand once")
        return rates


class PhotonicSettings(Settings):
    """How the trained model is measured on the photonic core.

    Attributes:
        optimizer: The contender whose best model is measured.
        bits: Resolutions to measure clean and under the full noise.
        noise_bits: Resolutions of the noise sweep.
        noise: Multiples of the noise below, for the sweep.
        seeds: Draws of the noise for each point.
        tokens: Held-out tokens of each measurement.
        magnitude: Relative error of each encoded operand, standard deviation.
        phase_deg: Phase error of each product, standard deviation in degrees.
        output: Relative error of each detected dot product, standard deviation.
        wavelengths: Channels of the core; machines of another number have no noise model in the run.
    """

    optimizer: str = "apollo"
    bits: tuple[int, ...] = (8, 6, 5, 4, 3)
    noise_bits: tuple[int, ...] = (8, 4)
    noise: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    seeds: int = Field(default=3, ge=1)
    tokens: PositiveInt = 8192
    magnitude: float = Field(default=0.03, ge=0)
    phase_deg: float = Field(default=2.0, ge=0)
    output: float = Field(default=0.05, ge=0)
    wavelengths: PositiveInt = 12

    @field_validator("bits", "noise_bits")
    @classmethod
    def _resolutions(cls, bits: tuple[int, ...]) -> tuple[int, ...]:
        if not bits or any(not 2 <= b <= MAX_BITS for b in bits):
            raise ValueError(f"resolutions go from 2 to {MAX_BITS} bits")
        return bits

    @field_validator("noise")
    @classmethod
    def _multiples(cls, noise: tuple[float, ...]) -> tuple[float, ...]:
        if any(factor <= 0 for factor in noise) or list(noise) != sorted(set(noise)):
            raise ValueError("multiples of the noise are positive and rise; zero is always measured")
        return noise


class AcceleratorSettings(Settings):
    """The machines that price the model.

    Attributes:
        machines: Presets or machine files.
        mode: `compat`, `fixed` or `strict`.
    """

    machines: tuple[str, ...] = ("lt-base", "lt-large", "mrr-bank", "mzi-mesh")
    mode: str = "strict"

    @field_validator("machines")
    @classmethod
    def _readable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            read_machine(name)
        if not names:
            raise ValueError("give at least one machine")
        return names

    @field_validator("mode")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in MODES:
            raise unknown_name("mode", name, MODES)
        return name


class LoopSettings(Settings):
    """Train, convert, price, compare.

    Attributes:
        title: Heading of the report.
        model: The decoder.
        text: What it reads.
        train: How it learns; optimizer and learning rate come from the contenders.
        contenders: The optimizers to compare.
        photonic: How its perplexity is measured under noise and quantisation.
        accelerator: What prices it.
    """

    title: str = "From text to joules"
    model: ModelSettings
    text: TextSettings
    train: TrainSettings = TrainSettings()
    contenders: tuple[Contender, ...] = Field(min_length=1)
    photonic: PhotonicSettings = PhotonicSettings()
    accelerator: AcceleratorSettings = AcceleratorSettings()

    @model_validator(mode="after")
    def _measured_model_is_trained(self) -> LoopSettings:
        names = [contender.optimizer for contender in self.contenders]
        if self.photonic.optimizer not in names:
            raise unknown_name("photonic.optimizer", self.photonic.optimizer, names)
        if len(set(names)) < len(names):
            raise ValueError("each optimizer may stand once among the contenders; give it several lr instead")
        return self

    def with_seed(self, seed: int | None) -> LoopSettings:
        """The same settings with another seed of weights, batches and projections; unchanged if None."""
        if seed is None:
            return self
        table = self.model_dump()
        return LoopSettings.model_validate({**table, "train": {**table["train"], "seed": seed}})

    def training(self, contender: Contender, lr: float) -> PretrainSettings:
        """The settings of one training."""
        changes = {
            "optimizer": contender.optimizer,
            "lr": lr,
            "rank": contender.rank,
            "scale": contender.scale,
        }
        table = self.train.model_dump() | changes
        return PretrainSettings.model_validate(
            {"model": self.model.model_dump(), "text": self.text.model_dump(), "train": table}
        )
