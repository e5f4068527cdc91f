"""Sizes of a receiver: a first cut by hand equations, then a search with ngspice in the loop at four corners."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightloop.analog.receiver.corners import COLD, FAST, NOMINAL, SLOW, Corner
from lightloop.analog.receiver.figures import Bench, Run
from lightloop.analog.receiver.quantities import bench_of, quantities
from lightloop.analog.receiver.technology import MODELS, Channel, technology
from lightloop.analog.receiver.topologies import TOPOLOGIES, Topology, spiral_of
from lightloop.analog.task import Limit, Task, load_task
from lightloop.analog.verdict import judge
from lightloop.errors import InputError
from lightloop.search.optimisers import optimiser
from lightloop.search.outcome import Evaluation, Outcome
from lightloop.search.variable import Variable
from lightloop.spice.failure import SimulationError
from lightloop.spice.linter import parse_deck

if TYPE_CHECKING:
    from lightloop.spice.session import Session

CORNERS: tuple[Corner, ...] = (NOMINAL, SLOW, COLD, FAST)
MARGIN = 0.04  # of every limit, kept at the four corners: the checker draws mismatch besides
INVERTER_A = 0.4e-3
OPEN_GAIN = 8.0  # of the inverter with its load
CASCODE_A, CASCODE_V = 0.2e-3, 0.15
OWN_LOAD_F = 10e-15  # of the drain at the output
DAMPING = 3.1  # R^2 C / L of shunt peaking with the flattest group delay: 1.6 times the bandwidth


def first_cut(topology: Topology, bench: Bench, bandwidth_hz: float = 5e9) -> dict[str, float]:
    """Values by hand.

    Inverter: both devices at rest at half the supply with 0.4 mA; the input pole (1 + A) / (2 pi RF C) at the
    bandwidth. Cascode: 0.2 mA in both devices at an overdrive of 0.15 V; the output pole 1 / (2 pi RL C) at the
    bandwidth. Peaked: RL^2 C / L = 3.1 for a spiral of 5 turns on 140 um.

    Args:
        topology: What is sized.
        bench: Capacitances that it must bear.
        bandwidth_hz: The bandwidth aimed at, in Hz.
    """
    threshold_v = technology().nmos["vto"].value
    if "feedback_ohm" in topology.bounds:
        half_v = topology.supply_v / 2
        widths = [width_um(kind, INVERTER_A, half_v - threshold_v, half_v) for kind in MODELS]
        feedback_ohm = (1 + OPEN_GAIN) / (2 * math.pi * 2 * bench.photodiode_f * bandwidth_hz)
        return {"nmos_um": widths[0], "pmos_um": widths[1], "feedback_ohm": feedback_ohm}
    gate_v = threshold_v + CASCODE_V
    width = width_um("nmos", CASCODE_A, CASCODE_V, topology.supply_v / 2)
    farads = bench.load_f + OWN_LOAD_F
    load_ohm, spiral = 1 / (2 * math.pi * farads * bandwidth_hz), {}
    if "spiral_turns" in topology.bounds:
        spiral = {"spiral_turns": 5.0, "spiral_outer_um": 140.0}
        load_ohm = math.sqrt(DAMPING * spiral_of(spiral).inductance_nh * 1e-9 / farads)
    return {
        "cascode_um": width,
        "booster_um": width,
        "booster_ohm": (topology.supply_v - 2 * gate_v) / CASCODE_A,
        "source_ohm": gate_v / CASCODE_A,
        "load_ohm": load_ohm,
        **spiral,
    }


def width_um(kind: Channel, current_a: float, overdrive_v: float, drain_v: float) -> float:
    """Width of a saturated device by the square law, 2 I L / (kp Vov^2 (1 + lambda Vds)), in um."""
    device = technology().nmos if kind == "nmos" else technology().pmos
    length_um = technology().process["length_um"].value
    modulation = 1 + device["lambda"].value * drain_v
    return 2 * current_a * length_um / (device["kp"].value * overdrive_v**2 * modulation)


def size(key: str, session: Session, *, seed: int = 0, evaluations: int = 300, method: str = "cma") -> Evaluation:
    """The best values of a receiver for its task: least noise times root of power, all limits held at four corners.

    Args:
        key: Key of the task and topology, such as `inverter-receiver`.
        session: An open simulator.
        seed: Of the search.
        evaluations: How many sets of values are simulated.
        method: Name of the search, see `lightloop.search.methods`.

    Raises:
        InputError: No receiver has that key.
    """
    if key not in TOPOLOGIES:
        raise InputError(f"unknown receiver {key!r}", allowed=sorted(TOPOLOGIES))
    topology, task = TOPOLOGIES[key], load_task(key)
    bench = bench_of(task.conditions)
    variables = [Variable(name, *bounds) for name, bounds in topology.bounds.items()]
    search = optimiser(method, variables, seed=seed, evaluations=evaluations, start=first_cut(topology, bench))
    while points := search.ask():
        search.tell(points, [evaluate(topology, point, task, bench, session.run) for point in points])
    assert search.best is not None
    return search.best


def evaluate(topology: Topology, values: Mapping[str, float], task: Task, bench: Bench, run: Run) -> Outcome:
    """What a set of values comes to: log of noise density times root of power; the limits as constraints."""
    try:
        deck = parse_deck(topology.deck(values))
        found = [
            quantities(corner.run(run), deck, bench, task.limits, thorough=corner is NOMINAL) for corner in CORNERS
        ]
    except (InputError, SimulationError) as error:
        return Outcome.failed(str(error))
    nominal = found[0]
    noise, power = nominal.get("noise_density"), nominal.get("power")
    if not noise or not power:
        return Outcome.failed("no bandwidth")
    return Outcome(math.log(noise * math.sqrt(power)), violation(found, task.limits), dict(nominal))


def violation(found: Sequence[Mapping[str, float | None]], limits: Mapping[str, Limit]) -> float:
    """How far limits and their margins are missed, each by its share of the limit, at most 1, summed."""
    items = [item for values in found for item in judge(limits, values)]
    return sum(min(max(0.0, MARGIN - item.relative_margin), 1.0) for item in items)
