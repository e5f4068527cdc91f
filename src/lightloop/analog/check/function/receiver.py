"""Receivers: gain, bandwidth, noise, power and headroom for a photocurrent; the eye and settling at the symbol rate."""

from __future__ import annotations

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Rejection
from lightloop.analog.receiver.quantities import bench_of, quantities


def measure_receiver(bench: Bench) -> dict[str, float | None]:
    """Every quantity that the task has a limit for; transients of the deck as written only."""
    supply = bench.circuit.supply
    if supply is None:
        raise Rejection("a receiver needs the supply Vdd")
    port = bench.task.inputs[0].name
    setup = bench_of(
        bench.task.conditions,
        source=bench.circuit.source(port).name,
        port=port.lower(),
        output=bench.circuit.output,
    )
    wanted = bench.task.limits
    return quantities(bench.run, bench.circuit.deck, setup, wanted, thorough=bench.thorough, supply=supply.name)
