"""SPICE decks: read by an allow-list, simulated by ngspice in a locked child, answered as arrays.

Example:
    >>> from lightloop.spice import lint
    >>> result = lint("divider\\nV1 in 0 5\\nR1 in out 1k\\nR2 out 0 1k\\n.control\\n.end")
    >>> print(result.errors[0].line, result.errors[0].rule)
    5 card
"""

from __future__ import annotations

from lightloop.lazy import on_demand

# Loaded when first used: the child of the sandbox imports this package before it locks itself.
_PLACES = {
    "Card": "deck",
    "Deck": "deck",
    "Element": "deck",
    "Library": "deck",
    "Model": "deck",
    "Subcircuit": "deck",
    "Wave": "deck",
    "Expression": "expression",
    "Finding": "findings",
    "LintResult": "findings",
    "lint": "linter",
    "parse_deck": "linter",
    "read_deck": "linter",
    "STRANGER": "policy",
    "TRUSTED": "policy",
    "Policy": "policy",
    "AcSweep": "analyses",
    "Analysis": "analyses",
    "DcSweep": "analyses",
    "Noise": "analyses",
    "OperatingPoint": "analyses",
    "Transient": "analyses",
    "Limits": "sandbox.limits",
    "MachineError": "failure",
    "Plot": "rawfile",
    "Remark": "failure",
    "Sandbox": "sandbox.child",
    "SimulationError": "failure",
    "Simulator": "simulator",
    "SimulatorRun": "simulator",
    "Session": "session",
    "SessionPool": "session",
    "reached_level": "sandbox.child",
    "read_rawfile": "rawfile",
}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
