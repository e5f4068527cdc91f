"""The analog tools for language-model agents, over the Model Context Protocol.

`serve()` speaks on standard input and output; `server()` is the same server for a test or another transport. Tools take
text and numbers only, never the name of a file; decks and goals are linted, simulated in the sandbox, and bounded.
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {"TOOLS": "tools", "serve": "service", "server": "service"}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
