"""What answers a prompt: a model server, a recording, or anybody who writes files; each found by its prefix.

Example:
    >>> from lightloop.analog.backends import open_backend
    >>> open_backend("replay:demo").model
    'hand-written'
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {
    "Access": "protocol",
    "Backend": "protocol",
    "Files": "files",
    "Message": "protocol",
    "OpenAI": "openai",
    "Recorder": "cassette",
    "Replay": "cassette",
    "Reply": "protocol",
    "open_backend": "registry",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
