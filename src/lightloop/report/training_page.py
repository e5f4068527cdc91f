"""The page of one training: how the model learned, what memory that takes, what it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightloop.report.charts.bars import grouped_bars
from lightloop.report.charts.curves import Line, lines
from lightloop.report.page import Card, Page, Section, Table
from lightloop.report.theme import Figure

Values = Mapping[str, Any]
CLASSES = ("weights", "gradients", "optimizer", "activations")
MEGA = 1e6


def training_figures(result: Values, planned: Values | None = None) -> dict[str, Figure]:
    """The learning curve, and the memory by class.

    Args:
        result: As `TrainResult.to_dict()`.
        planned: As `TrainingPlan.to_dict()`; None where the planner does not know the optimizer.

    Returns:
        `curve`, and `memory`.
    """
    steps = [row["step"] for row in result["history"]]
    found = [
        Line("training", steps, [row["train_loss"] for row in result["history"]], colour=5, dash="dot"),
        Line("held out", steps, [row["val_loss"] for row in result["history"]], colour=0),
    ]
    memory = {"measured": {"optimizer": result["optimizer_bytes"] / MEGA}}
    if planned:
        memory = {"planned": {name: planned[f"{name}_bytes"] / MEGA for name in CLASSES}} | memory
    return {
        "curve": lines(found, "step", "loss (nats per token)"),
        "memory": grouped_bars(memory, "memory (MB)"),
    }


def training_page(
    result: Values, settings: Values, made_by: Values, *, planned: Values | None = None, text: Values | None = None
) -> Page:
    """The page of a finished training.

    Args:
        result: As `TrainResult.to_dict()`.
        settings: As in `run.toml`.
        made_by: The versions it was begun with.
        planned: As `TrainingPlan.to_dict()`, if the planner knows the optimizer.
        text: Name, bytes and digest of the text, as in `text.json`.
    """
    figures = training_figures(result, planned)
    chosen = settings["train"]
    return Page(
        title=f"{result['optimizer']}: {result['final_val_loss']:.4f} nats per token",
        subtitle=(
            f"A language model of {result['parameters'] / MEGA:.2f} million parameters, trained for "
            f"{chosen['steps']:,} steps of {chosen['batch']} sequences of {settings['model']['context']} tokens"
            + (f" of {text['name']}." if text else ".")
        ),
        sections=[
            _glance(result),
            _learning(result, figures),
            _memory(result, planned, figures),
            _settings(settings, text),
        ],
        footer=footer(made_by),
    )


def footer(made_by: Values) -> str:
    """What computed the run, as `run.toml` recorded it."""
    packages = ", ".join(f"{name} {version}" for name, version in made_by["packages"].items())
    return f"Python {made_by['python']}; {packages}; {made_by['platform']}. Settings and seeds: run.toml."


def settings_table(settings: Values) -> Table:
    """Every setting with its place in the file."""
    rows = [
        (f"{group}.{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for group, table in settings.items()
        for key, value in table.items()
    ]
    return Table(("Setting", "Value"), rows)


def _glance(result: Values) -> Section:
    per_second = result["tokens_seen"] / result["seconds"] if result["seconds"] else 0.0
    cards = [
        Card(f"{result['final_val_loss']:.4f}", "nats per token", f"{result['val_tokens']:,} held-out tokens"),
        Card(f"{result['nats_per_byte']:.4f}", "nats per byte", "comparable between tokenizers"),
        Card(f"{result['perplexity']:.2f}", "perplexity per token", f"{result['bytes_per_token']:.2f} bytes per token"),
        Card(
            f"{result['optimizer_bytes'] / MEGA:.3f} MB",
            "optimizer state",
            f"{result['optimizer_low_rank_bytes'] / MEGA:.3f} MB of it for attention and gated layers",
        ),
        Card(f"{result['tokens_seen']:,}", "tokens trained on", "repetitions counted"),
        Card(
            f"{result['seconds']:.0f} s", "of training", f"{per_second:,.0f} tokens per second, measurements included"
        ),
    ]
    return Section("At a glance", cards=cards)


def _learning(result: Values, figures: Mapping[str, Figure]) -> Section:
    rows = [
        (
            str(row["step"]),
            f"{row['train_loss']:.4f}",
            f"{row['val_loss']:.4f}",
            f"{row['lr']:.3e}",
            f"{row['seconds']:.1f}",
        )
        for row in result["history"]
    ]
    return Section(
        "Learning",
        [
            "Training loss is the mean over the batches since the point before. The held-out loss of the curve is "
            f"measured on a fixed part of the held-out text, the final {result['final_val_loss']:.4f} on all of it."
        ],
        [(figures["curve"], "Loss while training.")],
        table=Table(("Step", "Training loss", "Held-out loss", "Learning rate", "Seconds"), rows),
    )


def _memory(result: Values, planned: Values | None, figures: Mapping[str, Figure]) -> Section:
    found = result["optimizer_bytes"]
    if planned is None:
        told = "The planner does not know this optimizer; only the measured state is shown."
    else:
        ahead = planned["optimizer_bytes"]
        apart = f"{found / ahead - 1:+.2%}" if ahead else f"{found:,} bytes"
        told = (
            f"Planned from the sizes alone, before anything is allocated: {planned['total_bytes'] / MEGA:.2f} MB, each "
            f"class at its largest. Optimizer state: {ahead:,} bytes planned, {found:,} bytes counted in the real "
            f"state tensors ({apart})."
        )
    return Section("Memory", [told], [(figures["memory"], "Memory by class.")])


def _settings(settings: Values, text: Values | None) -> Section:
    told = f"The text: {text['name']}, {text['bytes']:,} bytes, SHA-256 {text['sha256']}." if text else ""
    return Section("Settings", [told] if told else [], table=settings_table(settings))
