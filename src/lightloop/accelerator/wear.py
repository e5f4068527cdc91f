"""Writes to memory cells that wear out."""

from __future__ import annotations

import numpy as np

from lightloop.accelerator.formulas import amounts
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.mapping import Mapped
from lightloop.accelerator.result import Wear


def wear(machine: Machine, mapped: Mapped, repeats: np.ndarray) -> Wear | None:
    """Cell writes of a run of `mapped` products; None where the machine has no `[wear]`.

    Args:
        machine: The machine.
        mapped: What one repeat of each product makes it do.
        repeats: How often each product runs, shape (products,).
    """
    if machine.file.wear is None:
        return None
    found = amounts(dict(machine.file.wear), mapped.events, "the wear,")
    return Wear(float(np.sum(found["writes"] * repeats)), float(found["cells"]), float(found["endurance"]))
