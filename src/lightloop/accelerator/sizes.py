"""The quantities that a machine's file sets beside its formulas and constants, before a user turns any knob."""

from __future__ import annotations

from typing import Any

from lightloop.accelerator.knobs import KNOBS

MARGIN = "laser_margin_db"
# Key of the file -> the knob that turns it.
SIZES = {key: knob for key, knob in KNOBS.items() if key != MARGIN}


def fixed_quantities(positive_stream: bool) -> dict[str, Any]:
    """What no file sets: light as the budget finds it, and two readouts of a number that takes two passes."""
    return {KNOBS[MARGIN].quantity: 0.0, "readouts": 2 if positive_stream else 1}
