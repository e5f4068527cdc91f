"""What commands print: results on stdout, everything else on stderr; with --json one object and nothing more."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

PIPED_WIDTH = 200
JSON_HELP = "Print one JSON object."


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 1) -> None:
    """A table on stdout; the first `text_columns` hold text, the others figures."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < text_columns else "right")
    for row in rows:
        table.add_row(*map(escape, row))
    wide = None if sys.stdout.isatty() else PIPED_WIDTH  # a file or a pipe has no edge to cut figures at
    Console(width=wide).print(table)


def print_line(text: str) -> None:
    """A line on stdout, as it is."""
    sys.stdout.write(text + "\n")


def print_error(message: str) -> None:
    """An error message on stderr."""
    sys.stderr.write(f"error: {message}\n")


def print_note(message: str) -> None:
    """A remark on stderr."""
    sys.stderr.write(f"note: {message}\n")
