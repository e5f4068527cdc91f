"""The optical link budget: from the detector's sensitivity back through every loss to the laser's plug.

    P_dBm  = sensitivity + IL_modulation + IL_computation + 10 log10(split)
    P_plug = 10^(P_dBm / 10) mW / wall-plug efficiency * 2^bits

The factor 2^bits is the reference's rule: each further bit doubles the light. Shot noise would ask for 4^bits.
Formula: artefact of Zhu et al., HPCA 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightloop.accelerator.formulas import FUNCTIONS, amounts
from lightloop.accelerator.schema import Link
from lightloop.errors import InputError
from lightloop.units import dbm_to_watts

MAX_LEVEL_DBM = 90.0


@dataclass(frozen=True)
class LinkBudget:
    """Losses and powers of one core's light.

    Args:
        modulation_loss_db: From the laser to the operands.
        computation_loss_db: From the operands to the detector.
        split: Detectors that one laser feeds.
        laser_optical_w: Light that leaves the laser, in W.
        laser_electrical_w: Power that the laser draws, in W.
    """

    modulation_loss_db: float
    computation_loss_db: float
    split: float
    laser_optical_w: float
    laser_electrical_w: float

    @property
    def insertion_loss_db(self) -> float:
        """Loss of the whole path without the split."""
        return self.modulation_loss_db + self.computation_loss_db


def link_budget(link: Link, quantities: Mapping[str, Any]) -> LinkBudget:
    """The budget of a machine's `[link]` table. `quantities` are in SI, with `bits`."""
    found = amounts(dict(link), quantities, "link")
    modulation, computation, split = found["modulation_db"], found["computation_db"], found["split"]
    level_dbm = quantities["photodetector.sensitivity"] + modulation + computation + 10 * FUNCTIONS["log10"](split)
    if level_dbm > MAX_LEVEL_DBM:
        raise InputError(
            f"the laser of one core would need {level_dbm:.4g} dBm for {modulation + computation:.4g} dB of loss",
            allowed=[f"up to {MAX_LEVEL_DBM:g} dBm (a megawatt)"],
            hint="lower a device's loss_db, or the size of the core",
        )
    optical = dbm_to_watts(level_dbm) * 2 ** quantities["bits"]
    return LinkBudget(modulation, computation, split, optical, optical / quantities["laser.wall_plug_efficiency"])
