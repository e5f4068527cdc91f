"""Analog design: tasks with strict limits, checks that an engineer believes, designers, sizing.

Example:
    >>> from lightloop.analog import load_task, reference_deck
    >>> task = load_task("cascode")
    >>> task.ports
    ('Vin', 'Vbias', 'Vout')
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {
    "Attempt": "trial",
    "Designer": "trial",
    "Item": "verdict",
    "Limit": "task",
    "Task": "task",
    "Trial": "trial",
    "Verdict": "verdict",
    "all_tasks": "task",
    "load_task": "task",
    "reference_deck": "task",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
