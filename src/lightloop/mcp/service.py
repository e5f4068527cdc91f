"""The server: every tool of `tools` under one name each, one call at a time, errors as one clear message."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightloop.errors import LightloopError, MissingProgramError
from lightloop.mcp.tools import TOOLS

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

NAME = "lightloop"
INSTRUCTIONS = """\
Design and verify analog circuits as SPICE decks. List the tasks, show one, write a deck, lint it, simulate it, and
check it: the check is what counts. A deck is text: title line, elements, .model cards and .end, with no analysis
cards, files or .control. In `simulate`, sources may have time functions and AC values.
"""


def serve() -> None:
    """Answer on standard input and output until the client closes them.

    Raises:
        MissingProgramError: The package `mcp` is not installed, or is older than 2.
    """
    server().run("stdio")


def server() -> MCPServer[Any]:
    """A server with all tools, to connect by any transport.

    Raises:
        MissingProgramError: The package `mcp` is not installed, or is older than 2.
    """
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        raise MissingProgramError(
            "the MCP server needs the package mcp, 2 or later", hint="pip install 'lightloop[mcp]'"
        ) from None
    made: MCPServer[Any] = MCPServer(NAME, instructions=INSTRUCTIONS, log_level="ERROR")
    one_at_a_time = threading.Lock()
    for name, tool in TOOLS.items():
        made.add_tool(_guarded(tool, one_at_a_time), name=name, description=tool.__doc__)
    return made


def _guarded(tool: Callable[..., dict[str, Any]], lock: threading.Lock) -> Callable[..., dict[str, Any]]:
    """The tool, one call at a time, with errors that the agent can read and nothing of the machine in them."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    def answer(**arguments: Any) -> dict[str, Any]:
        try:
            with lock:
                return tool(**arguments)
        except LightloopError as error:
            raise ToolError(str(error)) from None
        except Exception as error:
            raise ToolError(f"a fault of lightloop's own: {type(error).__name__}") from None

    return answer
