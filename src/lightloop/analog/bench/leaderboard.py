"""The published leaderboard, quoted with its source and with what must be known about it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from lightloop.settings import Settings, parse_settings

Percent = Annotated[float, Field(ge=0, le=100)]


class Row(Settings):
    """One quoted result: averages over the tasks in percent, and how many tasks were solved at all."""

    model: str
    pass_at_1: Percent
    pass_at_5: Percent
    solved: Annotated[int, Field(ge=0)]
    note: str = ""


class Leaderboard(Settings):
    """The quoted table as a whole."""

    title: str
    source: str
    tasks: Annotated[int, Field(ge=1)]
    unit: str
    caveats: tuple[str, ...]
    rows: tuple[Row, ...]


@cache
def published() -> Leaderboard:
    """The table in `leaderboard.toml`, checked."""
    text = (files("lightloop.analog") / "bench" / "leaderboard.toml").read_text(encoding="utf-8")
    return parse_settings(Leaderboard, tomllib.loads(text), "analog/bench/leaderboard.toml")
