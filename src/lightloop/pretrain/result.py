"""What a training gives: its curve, its last loss, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lightloop.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DivergedError(InputError):
    """The loss of a training is no longer a finite number."""


@dataclass(frozen=True)
class HistoryRow:
    """One point of the curve.

    Attributes:
        step: Steps taken.
        train_loss: Mean loss of the batches since the last row, in nats per token.
        val_loss: Loss on the fixed held-out windows, in nats per token.
        lr: Learning rate of the last step.
        seconds: Time since the start, of all parts of a resumed run together.
    """

    step: int
    train_loss: float
    val_loss: float
    lr: float
    seconds: float


@dataclass
class Progress:
    """What a run has done so far; saved with each checkpoint."""

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    history: list[HistoryRow] = field(default_factory=list)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Progress:
        """The progress that `dataclasses.asdict` wrote."""
        return cls(**{**table, "history": [HistoryRow(**row) for row in table["history"]]})


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        optimizer: Its name in the run file.
        history: The curve.
        final_val_loss: Loss on the whole held-out text, in nats per token.
        nats_per_byte: The same per UTF-8 byte; it can be compared between tokenizers.
        perplexity: exp(final_val_loss).
        val_tokens: Held-out tokens it was measured on.
        bytes_per_token: Mean length of those tokens.
        optimizer_bytes: Memory of the optimizer's state tensors.
        optimizer_low_rank_bytes: The part of it that belongs to the matrices which low-rank optimizers project.
        parameters: Number of weights.
        tokens_seen: Tokens trained on, repetitions counted.
        seconds: Time of all steps and measurements.
        text_sha256: Digest of the whole text, training and held-out.
        noisy_loss: Mean loss over draws of the run's noise, in nats per token; None for a run without.
    """

    optimizer: str
    history: tuple[HistoryRow, ...]
    final_val_loss: float
    nats_per_byte: float
    perplexity: float
    val_tokens: int
    bytes_per_token: float
    optimizer_bytes: int
    optimizer_low_rank_bytes: int
    parameters: int
    tokens_seen: int
    seconds: float
    text_sha256: str
    noisy_loss: float | None = None

    def __repr__(self) -> str:
        return (
            f"TrainResult({self.optimizer}: {self.final_val_loss:.4f} nats per token, "
            f"{self.nats_per_byte:.4f} per byte, perplexity {self.perplexity:.2f}, "
            f"{self.parameters / 1e6:.2f} M parameters, {self.tokens_seen} tokens in {self.seconds:.0f} s)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to `result.json`."""
        return {**asdict(self), "history": [asdict(row) for row in self.history]}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], source: str) -> TrainResult:
        """The result that `to_dict` wrote.

        Raises:
            InputError: Keys are missing or unknown.
        """
        try:
            return cls(**{**table, "history": tuple(HistoryRow(**row) for row in table["history"])})
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{source} is not the result of a training: {error}", hint="delete it and resume the run"
            ) from None

    def plot(self) -> Figure:
        """Training and held-out loss over the steps, as a matplotlib figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        steps = [row.step for row in self.history]
        axes.plot(steps, [row.train_loss for row in self.history], label="training")
        axes.plot(steps, [row.val_loss for row in self.history], marker="o", markersize=3, label="held out")
        axes.set(xlabel="step", ylabel="loss (nats per token)", title=self.optimizer)
        axes.legend(frameon=False)
        return figure
