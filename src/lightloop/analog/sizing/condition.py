"""The conditions under which a circuit is measured: supply, temperature, corner of the models."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from lightloop.analog.sizing.goal import Corners, Goal
from lightloop.analog.sizing.knob import rounded
from lightloop.errors import unknown_name
from lightloop.spice.deck import Deck, Model

#: Assumed spread of level-1 models, of the size that foundries tell for 3 sigma: kp in ratio, vto in V.
SPREAD_OF_KP = 0.15
SPREAD_OF_VTO_V = 0.1
TYPICAL = "typical"
# Corner -> whether NMOS and PMOS are fast (1), typical (0) or slow (-1).
OWN_CORNERS = {TYPICAL: (0, 0), "ss": (-1, -1), "ff": (1, 1), "sf": (-1, 1), "fs": (1, -1)}


@dataclass(frozen=True)
class Condition:
    """One condition.

    Args:
        models: Corner of the models.
        supply_v: Supply voltage in V.
        temperature_c: Temperature of all devices in °C.
    """

    models: str
    supply_v: float
    temperature_c: float


def nominal(goal: Goal, deck: Deck) -> Condition:
    """The condition that the deck and the goal name."""
    models = TYPICAL if goal.models is None else goal.models.corner or goal.models.opened.typical
    return Condition(models, goal.testbench.supply_v(deck), goal.testbench.temperature_c)


def corners(goal: Goal, deck: Deck, spread: Corners) -> tuple[Condition, ...]:
    """All combinations of corner of the models, supply and temperature, each once."""
    centre = nominal(goal, deck)
    known = OWN_CORNERS if goal.models is None else goal.models.opened.corners
    for name in spread.models:
        if name not in known:
            raise unknown_name("corner of the models", name, known)
    models = spread.models or (centre.models,)
    shares = spread.supply_share or (1.0,)
    temperatures_c = spread.temperature_c or (centre.temperature_c,)
    combinations = itertools.product(models, shares, temperatures_c)
    found = (Condition(name, rounded(share * centre.supply_v), temp_c) for name, share, temp_c in combinations)
    return tuple(dict.fromkeys(found))


def with_models(goal: Goal, deck: Deck, corner: str) -> Deck:
    """The deck with the models of a corner: the files of its process, or its own level-1 models slower and faster."""
    if goal.models is not None:
        return deck.with_libraries(goal.models.opened.libraries(corner))
    nmos, pmos = OWN_CORNERS[corner]
    speed = {"nmos": nmos, "pmos": pmos}
    if not nmos and not pmos:
        return deck
    return deck.map_models(lambda model: _faster(deck, model, speed.get(model.type, 0)))


def _faster(deck: Deck, model: Model, speed: int) -> Model:
    """A fast transistor has more kp and a threshold nearer to zero."""
    if not speed:
        return model
    sign = 1.0 if model.type == "nmos" else -1.0
    values = dict(model.parameters)
    if "kp" in values:
        values["kp"] = deck.number(values["kp"]) * (1 + speed * SPREAD_OF_KP)
    values["vto"] = deck.number(values.get("vto"), 0.0) - sign * speed * SPREAD_OF_VTO_V
    return replace(model, parameters=values)
