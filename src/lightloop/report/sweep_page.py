"""The page of a sweep: which optimizer learns best, how sure that is, and what memory it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightloop.report.page import Card, Page, Section, Table
from lightloop.report.sweep_figures import MEGA, sweep_figures
from lightloop.report.theme import Figure
from lightloop.report.training_page import footer, settings_table

Values = Mapping[str, Any]
COLUMNS = ("case", "lr", "held-out loss", "lowest", "highest", "against {}", "state (MB)", "seconds")


def sweep_page(result: Values, settings: Values, made_by: Values) -> Page:
    """The page of a sweep.

    Args:
        result: As `SweepResult.to_dict()`.
        settings: As in the sweep's `run.toml`.
        made_by: The versions it was begun with.
    """
    figures = sweep_figures(result)
    runs = [run for case in result["cases"] for rate in case["rates"] for run in rate["runs"]]
    size = f"of {result['parameters'] / MEGA:.2f} million parameters " if result["parameters"] else ""
    seen = f", {result['tokens_seen']:,} tokens each" if result["tokens_seen"] else ""
    sections = [
        _glance(result, len(runs)),
        _losses(result),
        _learning(result, figures),
        _rates(result, figures),
        _memory(result, figures),
        Section("All runs", table=_runs(result)),
        Section("Settings", table=settings_table({name: settings[name] for name in ("model", "text", "train")})),
    ]
    return Page(
        title=f"{len(result['cases'])} contenders, each at its best learning rate",
        subtitle=f"A language model {size}trained {len(runs)} times{seen}, with {_seeds(result)}.",
        sections=[section for section in sections if section is not None],
        footer=footer(made_by),
    )


def case_rows(result: Values) -> tuple[list[str], list[tuple[str, ...]]]:
    """Column titles and one row for each case, for a page or a terminal. Argument as `sweep_page`."""
    columns = [column.format(result["baseline"]) for column in COLUMNS]
    return columns, [_row(case) for case in result["cases"]]


def _row(case: Values) -> tuple[str, ...]:
    if case["best_lr"] is None:
        return (case["name"], "-", "diverged", "-", "-", "-", "-", "-")
    return (
        case["name"],
        f"{case['best_lr']:g}",
        _sure(case["mean"], case["standard_error"]),
        f"{case['lowest']:.4f}",
        f"{case['highest']:.4f}",
        _sure(case["difference"]["mean"], case["difference"]["standard_error"], "+.4f") if case["difference"] else "-",
        f"{case['optimizer_bytes'] / MEGA:.3f}",
        f"{case['seconds']:.1f}",
    )


def _sure(value: float, error: float | None, digits: str = ".4f") -> str:
    return f"{value:{digits}}" + ("" if error is None else f" ± {error:.4f}")


def _seeds(result: Values) -> str:
    count = len(result["seeds"])
    return f"{count} seeds for each learning rate" if count > 1 else "one seed for each learning rate"


def _glance(result: Values, runs: int) -> Section:
    ended = [case for case in result["cases"] if case["best_lr"] is not None]
    lost = sum(rate["diverged"] for case in result["cases"] for rate in case["rates"])
    cards = [Card(str(runs), "runs", f"{lost} diverged" if lost else "none diverged")]
    if ended:
        best = min(ended, key=lambda case: float(case["mean"]))
        least = min(ended, key=lambda case: int(case["optimizer_bytes"]))
        cards += [
            Card(
                f"{best['mean']:.4f}", "lowest held-out loss", f"{best['name']}, nats per token, lr {best['best_lr']:g}"
            ),
            Card(f"{least['optimizer_bytes'] / MEGA:.3f} MB", "least optimizer state", least["name"]),
        ]
    return Section("At a glance", result["remarks"], cards=cards)


def _losses(result: Values) -> Section:
    columns, rows = case_rows(result)
    return Section(
        "Held-out loss",
        [
            "Loss on the whole held-out text in nats per token, each case at the learning rate of the lowest mean over "
            "the seeds; ± is the standard error of that mean. Differences are means over pairs of equal seed, which "
            "share weights and batches. The learning rates were chosen on the same held-out text, so each loss is a "
            "little too good. Seconds are of one run, beside whatever else the machine was doing."
        ],
        table=Table(columns, rows),
    )


def _learning(result: Values, figures: Mapping[str, Figure]) -> Section | None:
    if "learning_curves" not in figures:
        return None
    band = " Bands reach from the lowest to the highest seed." if len(result["seeds"]) > 1 else ""
    return Section(
        "Learning curves",
        [f"Loss on a fixed part of the held-out text, each case at its best learning rate.{band}"],
        [
            (figures["learning_curves"], "The whole run."),
            (figures["last_half"], "Its last half."),
        ],
        wide=True,
    )


def _rates(result: Values, figures: Mapping[str, Figure]) -> Section | None:
    if "learning_rates" not in figures:
        return None
    ends = [case["name"] for case in result["cases"] if case["edge"]]
    told = (
        f"The best learning rate lies at the end of the grid for {', '.join(ends)}: tried further, they may do better."
        if ends
        else "The best learning rate of every case lies inside its grid."
    )
    return Section(
        "Loss against learning rate",
        [told],
        [
            (
                figures["learning_rates"],
                "Mean over the seeds, with its standard error; the larger markers are the best. A cross at the top is "
                "a learning rate at which every seed diverged.",
            )
        ],
    )


def _memory(result: Values, figures: Mapping[str, Figure]) -> Section | None:
    if "memory" not in figures:
        return None
    free = [case["name"] for case in result["cases"] if case["optimizer_bytes"] == 0]
    left_out = f" Without state, and so beside the axis: {', '.join(free)}." if free else ""
    return Section(
        "Loss against memory",
        [
            "Optimizer state, counted in the real state tensors of the whole model: embedding and head are part of it."
            + left_out
        ],
        [(figures["memory"], "Each case at its best learning rate, and the front of those that no other beats.")],
    )


def _runs(result: Values) -> Table:
    links, rows = {}, []
    for case in result["cases"]:
        for rate in case["rates"]:
            for run in rate["runs"]:
                links[run["folder"]] = f"{run['folder']}/result.json" if run["diverged"] is None else run["folder"]
                loss = "diverged" if run["loss"] is None else f"{run['loss']:.4f}"
                seconds = "-" if run["seconds"] is None else f"{run['seconds']:.1f}"
                rows.append((case["name"], f"{run['lr']:g}", str(run["seed"]), loss, seconds, run["folder"]))
    columns = ("Case", "Learning rate", "Seed", "Held-out loss", "Seconds", "Folder")
    return Table(columns, rows, filterable=True, links=links)
