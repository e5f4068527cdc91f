"""Verified subcircuits: a netlist, how to use it, and what we measured of it.

An entry is two files of one name in a folder: `NAME.cir` with one subcircuit and `NAME.toml` with its ports, levels,
the netlist's hash and the measured quantities. `verify` measures again; `add` makes an entry of an accepted deck.

Example:
    >>> from lightloop.analog.library import entries, verify
    >>> opamp = next(entry for entry in entries() if entry.name == "opamp")
    >>> verify(opamp).ok
    True
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {
    "Entry": "entry",
    "Verification": "verification",
    "add": "acceptance",
    "entries": "entry",
    "load_entry": "entry",
    "verify": "verification",
    "with_entry": "reuse",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
