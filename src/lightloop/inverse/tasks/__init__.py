"""The design tasks by name."""

from __future__ import annotations

from lightloop.errors import unknown_name
from lightloop.inverse.task import Task
from lightloop.inverse.tasks import bend, coupler, crossing, mode_converter, splitter, wdm

TASKS: dict[str, Task] = {one.TASK.name: one.TASK for one in (bend, crossing, splitter, mode_converter, wdm, coupler)}


def task_named(name: str) -> Task:
    """A task by its name. Raises `InputError` for one that is not there."""
    if name not in TASKS:
        raise unknown_name("design task", name, TASKS)
    return TASKS[name]
