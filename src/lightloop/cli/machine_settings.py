"""`--set KEY=VALUE`: a machine's sizes, switches and device constants from the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lightloop.errors import InputError

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="core.height, tiles, clock_ghz, laser_margin_db, device.NAME.FIELD; charge.NAME (a factor, 1 charges it); "
        "PART/KEY for one part of a chip. Repeatable.",
    ),
]


def overrides(settings: list[str] | None) -> dict[str, Any]:
    """The settings by key. Raises `InputError` for one that is not KEY=NUMBER."""
    found: dict[str, Any] = {}
    for item in settings or []:
        key, equals, value = (part.strip() for part in item.partition("="))
        if key in found:
            raise InputError(f"--set {key} is given twice", hint="leave one of them out")
        try:
            found[key] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"--set {item!r} is not KEY=NUMBER", hint="for example --set core.height=16")
    return found


def axis_sizes(settings: list[str] | None) -> dict[str, int] | None:
    """The sizes by axis; None without any. Raises `InputError` for one that is not AXIS=NUMBER."""
    found: dict[str, int] = {}
    for item in settings or []:
        axis, _, size = item.partition("=")
        if not size.isdigit():
            raise InputError(f"--size {item!r} is not AXIS=N", hint="for example --size seq=128")
        found[axis.strip()] = int(size)
    return found or None
