"""The checker."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lightloop.mcp.arguments import DeckText, TaskName, task_named

Robustness = Annotated[bool, Field(description="Also vary supply, temperature, passives and mismatch.")]
Seed = Annotated[int, Field(ge=0, le=2**31, description="Of the mismatch that is drawn.")]


def check(task: TaskName, deck: DeckText, robustness: Robustness = True, seed: Seed = 0) -> dict[str, Any]:
    """Check a deck against its task: verdict pass or fail, the stage that decided, each quantity with its limits."""
    from lightloop.analog.check import check as check_deck

    return check_deck(task_named(task), deck, robustness=robustness, seed=seed).to_dict()
