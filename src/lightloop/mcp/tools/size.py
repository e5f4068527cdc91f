"""Sizing within bounds."""

from __future__ import annotations

import time
import tomllib
from typing import Annotated, Any

from pydantic import Field

from lightloop.errors import InputError
from lightloop.mcp.arguments import DeckText

MAX_EVALUATIONS = 500
MAX_CORNERS = 30
MAX_S = 300.0

Goal = Annotated[
    str,
    Field(
        max_length=8192,
        description="TOML: [testbench] kind opamp (positive, negative, output, load_pf) or amplifier; [constraints] "
        "such as gain_db = { min = 60 }; [objective] maximise or minimise a quantity; [search] seed.",
    ),
]
Vary = Annotated[
    list[Annotated[str, Field(max_length=200)]],
    Field(min_length=1, max_length=24, description="Variables such as 'M1.w,M2.w=1u:100u' or 'Rz=100:10k'."),
]
Evaluations = Annotated[int, Field(ge=1, le=MAX_EVALUATIONS, description="Designs that are simulated.")]


def size(deck: DeckText, goal: Goal, vary: Vary, evaluations: Evaluations = 120) -> dict[str, Any]:
    """Size a deck: search values that keep to the goal's constraints and make its objective best; the sized deck."""
    from lightloop.analog.sizing.run import size as size_deck
    from lightloop.mcp.decks import SIMULATOR

    until = time.monotonic() + MAX_S

    def watch(done: int, total: int, best: object) -> None:
        if time.monotonic() > until:
            raise InputError(f"sizing was stopped after {MAX_S:g} s, {done} of {total} designs", hint="ask for fewer")

    wanted = _goal(goal, evaluations)
    result = size_deck(deck, wanted, vary=vary, workers=1, simulator=SIMULATOR, on_progress=watch)
    return result.to_dict()


def _goal(text: str, evaluations: int) -> Any:
    """The goal in a text, with so many evaluations. Raises `InputError` with every mistake in it."""
    from lightloop.analog.sizing.goal import Goal as SizingGoal
    from lightloop.settings import parse_settings

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"the goal is not valid TOML: {error}") from None
    search = table.get("search", {})
    table["search"] = {**search, "evaluations": evaluations} if isinstance(search, dict) else search
    goal = parse_settings(SizingGoal, table, "the goal")
    corners = goal.corners
    if corners and len(corners.supply_share) * len(corners.temperature_c) * max(1, len(corners.models)) > MAX_CORNERS:
        raise InputError(f"at most {MAX_CORNERS} corners are measured here")
    return goal
