"""CMOS inverter with its switching point at half the supply."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.device import LENGTH_M, NMOS, PMOS
from lightloop.analog.topology.spec import OutOfReach, Spec


def size(spec: Spec) -> Values:
    """Both devices carry the same current with Vin and Vout at half the supply."""
    overdrives = [spec.supply_v / 2 - device.threshold_v for device in (NMOS, PMOS)]
    if min(overdrives) <= 0:
        raise OutOfReach(f"a supply of {spec.supply_v:g} V")
    return {
        "vin": 0.0,
        "w1": NMOS.width_m(spec.current_a, overdrives[0]),
        "w2": PMOS.width_m(spec.current_a, overdrives[1]),
        "l1": LENGTH_M,
    }


TOPOLOGY = Topology(
    key="cmos-inverter",
    title="CMOS inverter",
    kinds=("inverter",),
    inputs=("signal",),
    outputs=1,
    words=("cmos", "inverter", "pmos", "nmos", "no", "current", "rail"),
    rules=("input-at-gate", "one-nmos-one-pmos"),
    quantities=(
        "output_high", "output_low", "steepest_slope", "noise_margin_low", "noise_margin_high", "static_current",
    ),
    body="""
M1 {out1} {in1} 0 0 nmos1 w={w1} l={l1}
M2 {out1} {in1} Vdd Vdd pmos1 w={w2} l={l1}
""",
    sources=("vin",),
    equations=("kpn Wn (Vdd/2 - Vtn)^2 = kpp Wp (Vdd/2 - Vtp)^2",),
    size=size,
    models=("nmos", "pmos"),
)  # fmt: skip
