"""Source follower: NMOS with its drain at the supply, a resistor at its source."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS
from lightloop.analog.topology.spec import OutOfReach, Spec

LEVEL = 0.4  # of the supply, at the output


def size(spec: Spec) -> Values:
    """gm R = A/(1 - A), for a gain midway between what is asked for and 1."""
    gain = spec.task.limits["gain"].low if "gain" in spec.task.limits else None
    if gain is not None and gain >= 1:
        raise OutOfReach(f"a gain of {gain:g}: a follower stays below 1")
    aim = 0.5 * (1 + (0.8 if gain is None else gain))
    output_v = LEVEL * spec.supply_v
    overdrive_v = 2 * output_v * (1 - aim) / aim
    return {
        "vin": output_v + NMOS.gate_v(overdrive_v),
        "w1": NMOS.width_m(spec.current_a, overdrive_v),
        "l1": LENGTH_M,
        "r1": output_v / spec.current_a,
    }


TOPOLOGY = Topology(
    key="source-follower",
    title="Source follower, resistor to ground",
    kinds=("amplifier",),
    inputs=("signal",),
    outputs=1,
    words=("follower", "follow", "source", "ground"),
    rules=("amplifying-device-saturated", "input-at-gate", "output-at-source"),
    quantities=("gain", "phase_from_following", "output_level"),
    body="""
M1 Vdd {in1} {out1} 0 nmos1 w={w1} l={l1}
R1 {out1} 0 {r1}
""",
    sources=("vin",),
    equations=("Av = gm R/(1 + gm R)", "gm R = 2 Vout/Vov"),
    size=size,
    models=("nmos",),
)
