"""`lightloop analog library ...`: subcircuits with data sheets measured by us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lightloop.cli.output import JSON_HELP, print_json, print_line

app = typer.Typer(help="Verified subcircuits, each with a measured data sheet.", no_args_is_help=True)

FolderOption = Annotated[Path | None, typer.Option("--folder", help="A library folder of your own, too.")]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command("list")
def list_entries(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """All entries with their data sheets."""
    from lightloop.analog.library.entry import entries
    from lightloop.cli.analog_tables import show_library

    found = entries(folder)
    if as_json:
        print_json({"entries": [entry.to_dict() for entry in found]})
        return
    show_library(found)


@app.command()
def verify(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Measure every entry again: exit code 0 if all are within 1 % of their data sheets, 1 if not."""
    from lightloop.analog.library.entry import entries
    from lightloop.analog.library.verification import verify
    from lightloop.cli.analog_tables import show_verification

    found = [verify(entry) for entry in entries(folder)]
    if as_json:
        print_json({"ok": all(one.ok for one in found), "entries": [one.to_dict() for one in found]})
    else:
        show_verification(found)
    if not all(one.ok for one in found):
        raise typer.Exit(1)


@app.command()
def add(
    task: Annotated[str, typer.Argument(help="The task that the deck solves.")],
    deck: Annotated[Path, typer.Argument(help="A SPICE deck.")],
    name: Annotated[str, typer.Argument(help="Name of the entry.")],
    folder: Annotated[Path, typer.Option("--folder", help="Your library folder.")],
    as_json: JsonOption = False,
) -> None:
    """Add DECK to your library, if it passes the check of TASK, with a data sheet measured now."""
    from lightloop.analog.library.acceptance import add
    from lightloop.analog.task import load_task
    from lightloop.spice.linter import read_deck

    entry = add(read_deck(deck), load_task(task), name, folder)
    if as_json:
        print_json(entry.to_dict())
        return
    print_line(f"{folder / entry.name}.cir, .toml")
