"""`lightloop analog ...`: analog design tasks, the checker, the designers, sizing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lightloop.cli.output import JSON_HELP, print_json, print_line

app = typer.Typer(help="Analog circuits: designed, and accepted only if they truly work.", no_args_is_help=True)

TaskArgument = Annotated[str, typer.Argument(help="Id, key, or a task file (.toml): see 'tasks'.")]
DeckArgument = Annotated[Path, typer.Argument(help="A SPICE deck.")]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command()
def tasks(as_json: JsonOption = False) -> None:
    """All tasks."""
    from lightloop.analog.task import all_tasks
    from lightloop.cli.analog_tables import show_tasks

    if as_json:
        shown = ("id", "key", "level", "kind", "title", "ports")
        print_json({"tasks": [{name: getattr(task, name) for name in shown} for task in all_tasks()]})
        return
    show_tasks(all_tasks())


@app.command()
def show(
    task: TaskArgument,
    reference: Annotated[bool, typer.Option("--reference", help="Print the reference deck and nothing else.")] = False,
    as_json: JsonOption = False,
) -> None:
    """A task: statement, ports, parts, and every limit of its check."""
    from dataclasses import asdict

    from lightloop.analog.task import load_task, reference_deck
    from lightloop.cli.analog_tables import show_task

    found = load_task(task)
    if reference:
        print_line(reference_deck(found).rstrip("\n"))
    elif as_json:
        print_json({**asdict(found), "ports": found.ports})
    else:
        show_task(found)


@app.command()
def check(
    task: TaskArgument,
    deck: DeckArgument,
    seed: Annotated[int, typer.Option(help="Of the mismatch that is drawn.")] = 0,
    robustness: Annotated[
        bool, typer.Option(help="Also over supply, temperature, passives and mismatch; the last stage.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Whether DECK, as it is written, does what TASK asks: exit code 0 if it does, 1 if not."""
    from lightloop.analog.check.pipeline import check
    from lightloop.analog.task import load_task
    from lightloop.cli.analog_tables import show_verdict
    from lightloop.spice.linter import read_deck

    verdict = check(load_task(task), read_deck(deck), seed=seed, robustness=robustness)
    if as_json:
        print_json(verdict.to_dict())
    else:
        show_verdict(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


@app.command("lint")
def lint_deck(
    deck: DeckArgument,
    task: Annotated[str | None, typer.Option(help="Also allow what decks for this task may hold.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Whether DECK may be simulated: exit code 0, 1 for mistakes, or 4 for what is refused for safety."""
    from lightloop.analog.check.lint import deck_policy
    from lightloop.analog.task import load_task
    from lightloop.cli.analog_tables import show_findings
    from lightloop.errors import RefusedError
    from lightloop.spice.linter import lint, read_deck
    from lightloop.spice.policy import STRANGER

    found = lint(read_deck(deck), deck_policy(load_task(task)) if task else STRANGER.with_library({"opamp": 3}))
    if as_json:
        print_json(found.to_dict())
    else:
        show_findings(str(deck), found)
    if not found.ok:
        raise typer.Exit(RefusedError.exit_code if found.unsafe else 1)
