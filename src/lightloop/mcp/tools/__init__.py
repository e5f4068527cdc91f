"""The tools, one in each file: a function of plain values that returns plain values. `TOOLS` names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightloop.mcp.tools.check import check
from lightloop.mcp.tools.lint import lint
from lightloop.mcp.tools.show import show
from lightloop.mcp.tools.simulate import simulate
from lightloop.mcp.tools.size import size
from lightloop.mcp.tools.tasks import tasks

TOOLS: dict[str, Callable[..., dict[str, Any]]] = {
    "tasks": tasks,
    "show": show,
    "lint": lint,
    "simulate": simulate,
    "check": check,
    "size": size,
}
