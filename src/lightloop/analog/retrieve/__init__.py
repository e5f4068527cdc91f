"""The designer without a model: finds a parametric circuit for a task, sizes it by equations, searches where needed.

Example:
    >>> from lightloop.analog import load_task
    >>> from lightloop.analog.retrieve import RetrieveDesigner
    >>> RetrieveDesigner(seed=0).trial(load_task("common-source")).ok
    True
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {"Candidate": "score", "RetrieveDesigner": "designer", "ranked": "score"}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
