"""The list of tasks."""

from __future__ import annotations

from typing import Any


def tasks() -> dict[str, Any]:
    """List all analog design tasks: id, key, level, kind of circuit, title, ports."""
    from lightloop.analog.task import all_tasks

    shown = ("id", "key", "level", "kind", "title")
    return {
        "tasks": [{**{name: getattr(task, name) for name in shown}, "ports": list(task.ports)} for task in all_tasks()]
    }
