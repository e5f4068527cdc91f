"""The linter."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lightloop.mcp.arguments import DeckText, TaskName, task_named

OptionalTask = Annotated[TaskName | None, Field(description="Judge by what this task allows; any deck if left out.")]


def lint(deck: DeckText, task: OptionalTask = None) -> dict[str, Any]:
    """Lint a deck without simulating it: findings with line, rule and message; ok if it may be simulated."""
    from lightloop.analog.check.lint import deck_policy
    from lightloop.mcp.decks import POLICY
    from lightloop.spice.linter import lint as lint_deck

    policy = POLICY if task is None else deck_policy(task_named(task))
    return lint_deck(deck, policy).to_dict()
