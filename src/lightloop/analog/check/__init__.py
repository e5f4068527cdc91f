"""The checker: is a deck what its task asks for? Six stages, each of which can reject it.

Example:
    >>> from lightloop.analog import load_task, reference_deck
    >>> from lightloop.analog.check import check
    >>> check(load_task(1), reference_deck(load_task(1))).ok
    True
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {"check": "pipeline", "check_in": "pipeline"}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
