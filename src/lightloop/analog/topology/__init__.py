"""Parametric circuits: a deck with named parameters, tags to find it by, and the equations of its first cut.

A circuit is one file in `circuits/` that holds a `TOPOLOGY`; it is found by its presence.

Example:
    >>> from lightloop.analog import load_task
    >>> from lightloop.analog.topology import Spec, all_topologies
    >>> task = load_task("common-source")
    >>> circuit = all_topologies()["common-source"]
    >>> print(circuit.deck(task, circuit.first_cut(Spec(task))).splitlines()[-3])
    M1 Vout Vin 0 0 nmos1 w=1.3u l=1u
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {
    "OutOfReach": "spec",
    "Spec": "spec",
    "Topology": "circuit",
    "all_topologies": "catalogue",
    "with_wishes": "spec",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
