"""Sizes of a receiver: a first cut by hand equations, then a search with ngspice in the loop at four corners."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightloop.analog.receiver.corners import COLD, FAST, NOMINAL, SLOW, Corner
from lightloop.analog.receiver.figures import Bench, Run
from lightloop.analog.receiver.quantities import bench_of, quantities
from lightloop.analog.receiver.topologies import TOPOLOGIES, Topology
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
OVERDRIVE_V = 0.25
MARGIN = 0.04  # of every limit, kept at the four corners: the checker draws mismatch besides
OPEN_GAIN = 8.0  # of the inverter with its load
DAMPING = 3.1  # R^2 C / L of shunt peaking with the flattest group delay: 1.6 times the bandwidth
TURN_UM = 4.5  # width and spacing of a turn of the spiral


def first_cut(topology: Topology, bench: Bench, bandwidth_hz: float = 5e9) -> dict[str, float]:
    """Values by hand.

    Shunt feedback: the input pole (1 + A) / (2 pi RF C) at the bandwidth. Cascode: the output pole 1 / (2 pi RL C) at
    the bandwidth, divided by 1.6 with a spiral of L = RL^2 C / 3.1, and 5 mS in both devices at Vov 0.25 V.

    Args:
        topology: What is sized.
        bench: Capacitances that it must bear.
        bandwidth_hz: The bandwidth aimed at, in Hz.
    """
    if "feedback_ohm" in topology.bounds:
        farads = 2 * bench.photodiode_f
        return {
            "nmos_um": 7.0,
            "pmos_um": 18.0,
            "feedback_ohm": (1 + OPEN_GAIN) / (2 * math.pi * farads * bandwidth_hz),
        }
    farads = bench.load_f + 20e-15
    peaked = "spiral_turns" in topology.bounds
    load_ohm = (1.6 if peaked else 1.0) / (2 * math.pi * farads * bandwidth_hz)
    values = {"cascode_um": 8.0, "booster_um": 5.0, "booster_ohm": 900.0, "source_ohm": 900.0, "load_ohm": load_ohm}
    if peaked:
        values |= {"spiral_turns": 5.0, "spiral_outer_um": 140.0}
    return values


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
