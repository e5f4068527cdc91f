"""The optical link budget: from the detector back through every loss to the laser's plug.

    P_dBm  = sensitivity + IL_modulation + IL_computation + 10 log10(split) + margin
    P_plug = 10^(P_dBm / 10) mW / wall-plug efficiency * 2^bits                       rule "2^b"

The factor 2^bits is the reference's rule: each further bit doubles the light (artefact of Zhu et al., HPCA 2024).
Rule "snr" asks the physics instead: as many photons as b bits need above shot and thermal noise, which grow as 4^bits.
That is the light's share of the bits only: converter, laser noise and dispersion take theirs besides (`limits`).
Where a machine's laser is given, the same sum is read forwards.
The margin is a knob for the light, 0 dB unless it is turned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.accelerator.detection import detector_power_w
from lightloop.accelerator.formulas import FUNCTIONS, amounts
from lightloop.accelerator.path import StageLoss, ways, worst_way
from lightloop.accelerator.schema import Link
from lightloop.errors import InputError, unknown_name
from lightloop.units import db_to_ratio, dbm_to_watts

MAX_LEVEL_DBM = 90.0
DEFAULT_RULE = "2^b"


@dataclass(frozen=True)
class LinkBudget:
    """Losses and powers of one core's light. Each figure is an array where the machine's quantities are.

    Args:
        modulation_loss_db: From the laser to the operands, on the way that loses most.
        computation_loss_db: From the operands to the detector.
        split: Detectors that one laser feeds.
        laser_optical_w: Light that leaves the laser, in W.
        laser_electrical_w: Power that the laser draws, in W.
        too_bright: Whether the laser would need more than a megawatt; its powers are zero then.
        rule: "2^b" or "snr".
    """

    modulation_loss_db: Any
    computation_loss_db: Any
    split: Any
    laser_optical_w: Any
    laser_electrical_w: Any
    too_bright: Any
    rule: str

    @property
    def insertion_loss_db(self) -> Any:
        """Loss of the whole way without the split."""
        return self.modulation_loss_db + self.computation_loss_db


def _doubling(link: Link, q: Mapping[str, Any]) -> Any:
    """The reference's rule: the detector's sensitivity, doubled for each bit."""
    return q["photodetector.sensitivity"], 2 ** q["bits"]


def _snr(link: Link, q: Mapping[str, Any]) -> Any:
    """What shot and thermal noise ask for. Converter, laser noise and dispersion take their bits besides."""
    return 10 * FUNCTIONS["log10"](detector_power_w(link, q) / 1e-3), 1.0


# Rule -> level at the detector in dBm, and a factor on it.
RULES: dict[str, Callable[[Link, Mapping[str, Any]], Any]] = {"2^b": _doubling, "snr": _snr}


def link_budget(link: Link, quantities: Mapping[str, Any], rule: str = DEFAULT_RULE) -> LinkBudget:
    """The budget of a machine's `[link]` table.

    Args:
        link: The table.
        quantities: Quantities in SI, with `bits` and `laser_margin`; numbers, or arrays that broadcast.
        rule: "2^b" or "snr".

    Raises:
        InputError: The rule is unknown, a loss is no amount, or the one design there is needs too bright a laser.
    """
    if rule not in RULES:
        raise unknown_name("rule of the link budget", rule, RULES)
    modulation, computation = worst_way(link.path, quantities)
    split = amounts({"split": link.split}, quantities, "link")["split"]
    if link.laser_optical is not None:
        return _given(link.laser_optical, quantities, modulation, computation, split, rule)
    detected_dbm, factor = RULES[rule](link, quantities)
    level_dbm = detected_dbm + modulation + computation + 10 * FUNCTIONS["log10"](split) + quantities["laser_margin"]
    too_bright = level_dbm > MAX_LEVEL_DBM
    if np.ndim(too_bright):
        level_dbm = np.where(too_bright, -np.inf, level_dbm)
    elif too_bright:
        raise InputError(
            f"the laser of one core would need {level_dbm:.4g} dBm for {modulation + computation:.4g} dB of loss",
            allowed=[f"up to {MAX_LEVEL_DBM:g} dBm (a megawatt)"],
            hint="lower a device's loss_db, the size of the core, or the bits",
        )
    optical = dbm_to_watts(level_dbm) * factor
    electrical = optical / quantities["laser.wall_plug_efficiency"]
    return LinkBudget(modulation, computation, split, optical, electrical, too_bright, rule)


def _given(
    laser_optical: str, quantities: Mapping[str, Any], modulation: Any, computation: Any, split: Any, rule: str
) -> LinkBudget:
    """The budget of a laser whose light is given: losses leave the detectors less, not the laser more."""
    if rule != DEFAULT_RULE:
        raise InputError(
            f"the light of this machine is given, so no rule finds it, got {rule!r}",
            hint="turn laser_margin_db instead",
        )
    light = amounts({"laser_optical": laser_optical}, quantities, "link")["laser_optical"]
    optical = light * db_to_ratio(quantities["laser_margin"])
    electrical = optical / quantities["laser.wall_plug_efficiency"]
    return LinkBudget(modulation, computation, split, optical, electrical, optical != optical, rule)


@dataclass(frozen=True)
class Waterfall:
    """The level of light on its ways, for one design.

    Args:
        ways: Each way's stages, the worst way first.
        laser_dbm: Light that leaves the laser of one core.
        split_db: Loss by sharing it among the detectors.
        detected_dbm: What a detector at the end of the worst way receives.
        sensitivity_dbm: Sensitivity of the detector, before any factor for bits.
        rule: Rule of the budget.
    """

    ways: list[list[StageLoss]]
    laser_dbm: float
    split_db: float
    detected_dbm: float
    sensitivity_dbm: float
    rule: str

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON and for the waterfall chart."""
        return {
            "paths": [
                {"name": name, "stages": [vars(stage) for stage in way]}
                for name, way in zip(_names(self.ways), self.ways, strict=True)
            ],
            "laser_dbm": self.laser_dbm,
            "split_db": self.split_db,
            "detector_dbm": self.detected_dbm,
            "sensitivity_dbm": self.sensitivity_dbm,
            "rule": self.rule,
        }


def waterfall(link: Link, quantities: Mapping[str, Any], budget: LinkBudget) -> Waterfall:
    """Every way of the light, stage by stage."""
    laser_dbm = float(10 * np.log10(budget.laser_optical_w / 1e-3))
    split_db = float(10 * np.log10(budget.split))
    detected = laser_dbm - split_db - float(budget.insertion_loss_db)
    staged = ways(link.path, quantities)
    return Waterfall(staged, laser_dbm, split_db, detected, float(quantities["photodetector.sensitivity"]), budget.rule)


def _names(ways: list[list[StageLoss]]) -> list[str]:
    """Each way by the stages that not all of them pass."""
    common = set.intersection(*({stage.name for stage in way} for way in ways))
    own = [", ".join(stage.name for stage in way if stage.name not in common) for way in ways]
    if len(ways) == 1:
        return ["laser to detector"]
    return [f"by {names}" if names else "straight" for names in own]
