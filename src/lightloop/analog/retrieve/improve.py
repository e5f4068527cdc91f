"""A search over a circuit's parameters with the checker in the loop, for the largest least margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lightloop.analog.topology.circuit import Topology, Values, high, low
from lightloop.analog.verdict import Item, Verdict
from lightloop.search.optimisers import Optimiser, optimiser
from lightloop.search.outcome import Outcome
from lightloop.search.variable import Variable

METHOD = "cma"
FACTOR = 2.0  # how far a search goes from the first cut, up and down
BIAS_V = 0.15
ENOUGH = 0.1  # of its limit: a least margin that ends a search
STAGES = ("lint", "simulate", "operating-point", "structure", "function", "robustness")
SEARCHED = "wlrchv"

Judge = Callable[[Values], Verdict]


@dataclass
class Found:
    """Where a search ended.

    Args:
        values: The best parameters.
        verdict: What the checker said of them.
        evaluations: How many decks were checked for it.
    """

    values: Values
    verdict: Verdict
    evaluations: int = 1
    remarks: list[str] = field(default_factory=list)


def least_margin(verdict: Verdict) -> tuple[float, str]:
    """The least margin as a share of its limit, and the quantity; of half the band where there are two limits."""
    margins = [(margin(item), item.name) for item in verdict.items]
    return min(margins, default=(float("-inf"), "nothing measured"))


def margin(item: Item) -> float:
    """Distance of a quantity from its nearer limit, as a share of the limit or of half the band."""
    if item.value is not None and item.low is not None and item.high is not None and item.low < item.high:
        return min(item.value - item.low, item.high - item.value) / (0.5 * (item.high - item.low))
    return item.relative_margin


def improved(topology: Topology, start: Found, judge: Judge, seed: int, evaluations: int, supply_v: float) -> Found:
    """The best parameters that a search finds, the start among them.

    Args:
        topology: The circuit.
        start: Where to begin.
        judge: The checker.
        seed: Of the search.
        evaluations: How many decks may be checked.
        supply_v: Supply voltage in V; no bias goes above it.
    """
    space = variables(topology, start.values, supply_v)
    if not space or evaluations < 1:
        return start
    search = optimiser(METHOD, space, seed=seed, evaluations=evaluations, start=start.values)
    best, best_outcome = start, worth(start.verdict)
    while points := search.ask():
        outcomes = []
        for point in points:
            values = {**start.values, **point}
            verdict = judge(values)
            outcomes.append(worth(verdict))
            if outcomes[-1].order < best_outcome.order:
                best, best_outcome = Found(values, verdict), outcomes[-1]
        search.tell(points, outcomes)
        if best_outcome.feasible and -best_outcome.objective >= ENOUGH:
            break
    return Found(best.values, best.verdict, start.evaluations + _told(search))


def variables(topology: Topology, start: Values, supply_v: float) -> list[Variable]:
    """What a search may change, around where it begins: values by a factor, bias voltages by some tenths of a volt."""
    found = []
    for name in topology.parameters:
        value = start[name]
        if name in topology.fixed or name[0] not in SEARCHED or value <= 0:
            continue
        if name[0] == "v":
            found.append(Variable(name, max(value - BIAS_V, 0.0), min(value + BIAS_V, supply_v), scale="linear"))
        else:
            found.append(Variable(name, max(value / FACTOR, low(name)), min(value * FACTOR, high(name))))
    return found


def worth(verdict: Verdict) -> Outcome:
    """Minus the least margin of a deck that passes; for others how many stages and how much is missing."""
    if verdict.ok:
        return Outcome(-least_margin(verdict)[0])
    missed = sum(min(-margin(item), 1.0) for item in verdict.items if not item.ok)
    missed += len(verdict.message.splitlines())
    return Outcome(0.0, len(STAGES) - STAGES.index(verdict.stage) + missed / (1 + missed))


def _told(search: Optimiser) -> int:
    return search.evaluations - search.left
