"""One task with everything that its check rests on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lightloop.mcp.arguments import TaskName, task_named


def show(task: TaskName) -> dict[str, Any]:
    """Show a task: statement, ports, supply, allowed parts, structure, every limit with its unit, test conditions."""
    found = task_named(task)
    return {**asdict(found), "ports": list(found.ports)}
