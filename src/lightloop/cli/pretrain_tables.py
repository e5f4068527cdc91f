"""What the commands of `lightloop pretrain` print, and the bar of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightloop.cli.output import print_line, print_table

if TYPE_CHECKING:
    from lightloop.loop.on_machine import OnMachine
    from lightloop.pretrain.evaluation import Evaluation
    from lightloop.pretrain.plan import TrainingPlan
    from lightloop.pretrain.result import TrainResult


def print_training(result: TrainResult) -> None:
    """The curve, the final loss and the memory of the optimizer."""
    print_table(
        f"{result.optimizer}, {result.parameters / 1e6:.2f} M parameters",
        ("step", "training loss", "held-out loss", "lr", "seconds"),
        [
            (
                str(row.step),
                f"{row.train_loss:.4f}",
                f"{row.val_loss:.4f}",
                f"{row.lr:.2e}",
                f"{row.seconds:.1f}",
            )
            for row in result.history
        ],
    )
    print_line(
        f"\nheld-out text: {result.final_val_loss:.4f} nats per token, {result.nats_per_byte:.4f} per byte, "
        f"perplexity {result.perplexity:.3f} over {result.val_tokens} tokens\n"
        f"optimizer state: {result.optimizer_bytes / 1e6:.3f} MB"
    )


def print_sweep(result: Mapping[str, Any]) -> None:
    """One row for each case at its best learning rate, and what must be known before trusting it."""
    from lightloop.report.sweep_page import case_rows

    columns, rows = case_rows(result)
    seeds = len(result["seeds"])
    print_table(f"held-out loss in nats per token, {seeds} seed{'s' if seeds > 1 else ''}", columns, rows)
    for line in ["", *(f"- {remark}" for remark in result["remarks"])] if result["remarks"] else []:
        print_line(line)


def print_evaluations(found: Mapping[str, Sequence[Evaluation]], there: OnMachine | None) -> None:
    """One row for each measurement, and what a token costs on the machine."""
    print_table(
        "held-out text",
        ("", "nats per token", "nats per byte", "perplexity", "tokens"),
        [
            (
                name,
                f"{draw.loss:.4f}",
                f"{draw.nats_per_byte:.4f}",
                f"{draw.perplexity:.3f}" if draw.perplexity < 1e6 else f"{draw.perplexity:.3g}",
                str(draw.tokens),
            )
            for name, draws in found.items()
            for draw in draws
        ],
    )
    if there and there.cost.energy_per_token_mj:
        energy_uj, bits_left = there.cost.energy_per_token_mj * 1e3, there.enob["total"]
        print_line(f"\n{energy_uj:.4g} uJ per token, {bits_left:.2f} effective bits at full scale")


def print_plan(planned: TrainingPlan) -> None:
    """Bytes by class, and the cards that hold them."""
    rows = [(name, what, f"{size / 1e9:.3f}") for name, size, what in planned.rows()]
    print_table(
        f"{planned.model}, {planned.parameters / 1e6:.2f} M parameters, {planned.memory.optimizer}, "
        f"batch {planned.batch} of {planned.tokens} tokens",
        ("", "", "GB"),
        rows,
        text_columns=2,
    )
    cards = ", ".join(f"{size} GB {'yes' if holds else 'no'}" for size, holds in planned.fits.items())
    print_line(f"\nfits in a card of: {cards} ({planned.reserved_gb:g} GB of it left for driver and libraries)")


@contextmanager
def training_bar(steps: int, tokens_per_step: int) -> Iterator[Callable[[int, float], Any]]:
    """A bar on stderr with the loss and the tokens per second; yields what a training calls each step."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("{task.fields[rate]} tokens/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=steps, loss="-", rate="-")

        def on_step(step: int, loss: float) -> None:
            speed = bar.tasks[0].speed
            rate = "-" if speed is None else f"{speed * tokens_per_step:.0f}"
            bar.update(task, completed=step, loss=f"{loss:.3f}", rate=rate)

        yield on_step
