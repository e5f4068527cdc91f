"""Choosing among designs: searches that ask and are told, and the designs that no other design beats."""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {
    "Evaluation": "outcome",
    "Optimiser": "optimisers",
    "Outcome": "outcome",
    "Variable": "variable",
    "method_names": "methods",
    "optimiser": "optimisers",
    "pareto_front": "pareto",
    "run_search": "ledger",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
