"""Voltage-controlled relaxation oscillator: its slopes follow the control voltage."""

from __future__ import annotations

from lightloop.analog.topology.circuit import Topology, Values
from lightloop.analog.topology.relaxation import body, parts
from lightloop.analog.topology.spec import Spec

CONTROL = 0.4  # of the supply


def size(spec: Spec) -> Values:
    """f = v/(4 width R C) at the control voltage."""
    control_v = CONTROL * spec.supply_v
    return {"vin": control_v, **parts(spec.frequency_hz(8e3), control_v, spec.current_a, spec.supply_v)}


TOPOLOGY = Topology(
    key="relaxation-vco",
    title="Voltage-controlled oscillator: switched integrator and Schmitt trigger",
    kinds=("vco",),
    inputs=("signal",),
    outputs=1,
    words=("voltage", "controlled", "oscillator", "steadily", "integrator", "trigger"),
    rules=("dc-sources-only",),
    quantities=("frequency_range", "swing_variation", "peak_to_peak", "period_spread"),
    body=body("{in1}", "{out1}"),
    sources=("vin",),
    equations=("f = v/(4 width R C), corrected by both delays", "width = Vswing R5/(R5 + R6)", "Ron = R4/200"),
    size=size,
    models=("nmos",),
    library=("OPAMP",),
    fixed=frozenset({"vin", "vref"}),
)
