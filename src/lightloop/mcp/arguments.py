"""What a tool accepts: bounded text, and tasks by id or key, never by the name of a file."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from lightloop.analog.task import Task, load_task
from lightloop.errors import InputError

MAX_TEXT = 65_536  # the linter's own bound
_TASK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)

DeckText = Annotated[
    str, Field(max_length=MAX_TEXT, description="A SPICE deck as text: title, elements, .model, .end.")
]
TaskName = Annotated[str, Field(max_length=64, description="Id or key of a task, such as '11' or 'common-source'.")]


def task_named(name: str) -> Task:
    """A built-in task. Raises `InputError` where there is none, and for the name of a file."""
    if not _TASK.fullmatch(name):
        raise InputError(f"{name!r} is no id or key of a task", hint="call the tool 'tasks' for a list")
    return load_task(name)
