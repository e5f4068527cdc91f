"""Sizing: values for a deck's variables that keep to a goal's constraints and make its objective best.

Example:
    >>> from lightloop.analog.sizing import example, load_goal, size
    >>> deck, goal = example("miller_opamp")
    >>> load_goal(goal).objective.name
    'fom_mhz_pf_per_ma'
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {
    "Design": "result",
    "Goal": "goal",
    "SizingResult": "result",
    "example": "shipped",
    "examples": "shipped",
    "load_goal": "goal",
    "parse_variable": "knob",
    "quantities": "derived",
    "size": "run",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
