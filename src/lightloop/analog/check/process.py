"""What a plain level-1 model leaves out, and the checker assumes where a measurement needs it."""

from __future__ import annotations

from dataclasses import replace

from lightloop.spice.deck import Model

DEFAULT_SIZE_M = 1e-4  # W and L of ngspice where a device gives none
DEFAULT_KP = 2e-5  # of level 1
MOSFETS = frozenset({"nmos", "pmos"})


def with_modulation(model: Model, per_volt: float) -> Model:
    """A model with channel-length modulation; its own where it has one."""
    if model.type not in MOSFETS or model.parameters.get("lambda"):
        return model
    return replace(model, parameters={**model.parameters, "lambda": per_volt})


def with_gate_capacitance(model: Model, oxide_m: float) -> Model:
    """A model whose gates have a capacitance, W L eps/t_ox by Meyer; its own oxide where it has one.

    The oxide changes no current, since kp is given with it; a model with doping is left as it is, for there it would.
    """
    if model.type not in MOSFETS or {"tox", "nsub"} & model.parameters.keys():
        return model
    return replace(model, parameters={"kp": DEFAULT_KP, **model.parameters, "tox": oxide_m})
