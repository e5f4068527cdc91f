"""Size a deck: search values for its variables that keep to the constraints and make the objective best.

The run folder holds `run.toml`, `ledger-*.jsonl` (every design that was simulated), `best.cir`, `result.json`,
`history.csv`, `corners.csv`, `response.npz` and `log.txt`. A killed run goes on with the designs that are missing and
ends with the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lightloop.analog.sizing.condition import Condition, corners, nominal
from lightloop.analog.sizing.front import trade, unbeaten
from lightloop.analog.sizing.goal import Band, Goal, load_goal
from lightloop.analog.sizing.knob import Knob, check_knobs, parse_variable, start_of, turned
from lightloop.analog.sizing.measure import Meter
from lightloop.analog.sizing.record import write_run
from lightloop.analog.sizing.result import Design, SizingResult
from lightloop.analog.sizing.workers import Workers, open_workers
from lightloop.analog.sizing.worth import Worth
from lightloop.runs import RunFolder
from lightloop.search.ledger import run_search
from lightloop.search.optimisers import Optimiser, Point, optimiser
from lightloop.search.outcome import Evaluation, Outcome
from lightloop.settings import Settings
from lightloop.spice.deck import Deck
from lightloop.spice.linter import parse_deck, read_deck
from lightloop.spice.policy import STRANGER
from lightloop.spice.simulator import Simulator

GM_OVER_ID = "gm_over_id_per_v"

Progress = Callable[[int, int, Outcome | None], Any]


class SizingSettings(Settings):
    """What a run folder records: the deck, the variables, the goal."""

    deck: str
    vary: tuple[str, ...]
    goal: Goal


def size(
    deck: str | Path,
    goal: Goal | str | Path,
    *,
    vary: Sequence[str] = (),
    out: str | Path | None = None,
    resume: bool = False,
    backend: str = "pool",
    workers: int | None = None,
    simulator: Simulator | None = None,
    on_progress: Progress | None = None,
) -> SizingResult:
    """Size a deck.

    Args:
        deck: Its text, or the path of its file.
        goal: The goal, or the path of its file.
        vary: Variables such as `M1.w=1u:100u`; those of the goal are used where there are none.
        out: The run folder; nothing is kept without one.
        resume: Go on with a run that was interrupted.
        backend: `pool` or `processes`; the result does not depend on it.
        workers: Simulators at a time; the number of cores if None.
        simulator: Program, options and sandbox.
        on_progress: Called with (designs simulated, designs in all, best outcome so far).

    Returns:
        The best design, its corners and, where two objectives are traded, the front.

    Raises:
        InputError: Deck, variables and goal do not fit one another, a file cannot be read, or the folder holds another
            run.
        RefusedError: The linter refuses the deck.
        MissingProgramError: ngspice or the process's models are missing.
    """
    goal = goal if isinstance(goal, Goal) else load_goal(goal)
    text = read_deck(deck) if isinstance(deck, Path) else deck
    texts = tuple(vary) or goal.vary
    circuit = read_circuit(text, goal)
    knobs = [parse_variable(item) for item in texts]
    check_knobs(circuit, knobs)
    if goal.models:
        goal.models.opened.libraries()
    folder = None
    if out is not None:
        folder = RunFolder.open(out, SizingSettings(deck=text, vary=texts, goal=goal), resume=resume)
    with open_workers(backend, workers, simulator) as opened:
        run = _Run(circuit, knobs, goal, opened, folder, on_progress)
        result = run.result()
        if folder:
            write_run(folder, result, run.history, opened, run.turned(run.best))
    return result


def read_circuit(text: str, goal: Goal) -> Deck:
    """A deck as the linter reads it; time functions of the sources on the inputs are replaced by the testbench."""
    policy = STRANGER.with_inputs(*goal.testbench.inputs)
    return parse_deck(text, goal.models.opened.allowed(policy) if goal.models else policy)


def written(deck: Deck) -> str:
    """A deck as text, under its own title."""
    return "\n".join([deck.title or "sized deck", *deck.lines(), ".end", ""])


def constraints_of(goal: Goal, deck: Deck) -> dict[str, Band]:
    """The constraints of a goal; with a limit of gm/ID where level-1 models would go beyond weak inversion."""
    level_1 = any(model.type in ("nmos", "pmos") for model in deck.models)
    if not level_1 or goal.gm_over_id_max_per_v is None or GM_OVER_ID in goal.constraints:
        return dict(goal.constraints)
    return {**goal.constraints, GM_OVER_ID: Band(max=goal.gm_over_id_max_per_v)}


@dataclass
class _Run:
    """A sizing under way."""

    deck: Deck
    knobs: Sequence[Knob]
    goal: Goal
    workers: Workers
    folder: RunFolder | None
    on_progress: Progress | None
    history: list[Evaluation] = field(default_factory=list)

    def __post_init__(self) -> None:
        over_corners = self.goal.corners is not None and self.goal.corners.in_search
        self.worth = Worth(self.goal.objective, constraints_of(self.goal, self.deck), over_corners)
        self.meter = Meter(self.goal, self.workers, tuple(self.worth.constraints))
        self.meter.check(self.deck)
        if self.goal.models:
            for end in ("low", "high"):
                ends = {knob.name: getattr(knob.variable, end) for knob in self.knobs}
                self.meter.check(turned(self.deck, self.knobs, ends))
        self.nominal = nominal(self.goal, self.deck)
        spread = self.goal.corners
        self.corners = corners(self.goal, self.deck, spread) if spread else ()

    def result(self) -> SizingResult:
        """Search, and measure the best design at every corner."""
        if self.goal.trade:
            trade(self.worth, self.goal.trade, self._search)
        else:
            self._search(0, self.worth, self._start())
        return SizingResult(
            goal=self.goal,
            constraints=self.worth.constraints,
            best=Design.of(self.best, self.worth.accepts(self.best)),
            nominal=self.nominal,
            corners=self._at_corners(),
            front=[Design.of(found, True) for found in self._front()],
            evaluations=len(self.history),
            deck=written(self.turned(self.best)),
        )

    @property
    def best(self) -> Evaluation:
        """The best evaluation by the goal's own objective and constraints."""
        return min(self.history, key=lambda found: self._again(found).order)

    def turned(self, found: Evaluation) -> Deck:
        """The deck with the values of an evaluation."""
        return turned(self.deck, self.knobs, found.point)

    def _again(self, found: Evaluation) -> Outcome:
        """The outcome under the goal's own objective, which that of one search along a front may not be."""
        if not self.goal.trade or math.isinf(found.outcome.violation):
            return found.outcome
        again = self.worth.outcome([dict(found.outcome.details)])
        accepted = self.worth.accepts(found)
        return replace(again, violation=0.0 if accepted else max(found.outcome.violation, again.violation))

    def _start(self) -> Mapping[str, float] | None:
        return start_of(self.deck, self.knobs) if self.goal.search.start == "deck" else None

    def _search(self, number: int, worth: Worth, start: Mapping[str, float] | None) -> Sequence[Evaluation]:
        settings, searches = self.goal.search, self.goal.trade.points if self.goal.trade else 1
        search = optimiser(
            settings.method,
            [knob.variable for knob in self.knobs],
            seed=settings.seed + number,
            evaluations=max(1, settings.evaluations // searches),
            start=start or self._start(),
        )
        told = len(self.history)

        def on_batch(search: Optimiser) -> None:
            if self.on_progress:
                best = search.best.outcome if search.best else None
                self.on_progress(told + len(search.history), searches * search.evaluations, best)

        ledger = self.folder / f"ledger-{number}.jsonl" if self.folder else None
        run_search(search, lambda points: self._outcomes(worth, points), ledger=ledger, on_batch=on_batch)
        self.history += search.history
        return search.history

    def _outcomes(self, worth: Worth, points: Sequence[Point]) -> list[Outcome]:
        """Each point at the nominal condition; where that is feasible and the goal says so, at all corners.

        What is missed at the nominal condition is the least that is missed over the corners, so both compare.
        """
        decks = [turned(self.deck, self.knobs, point) for point in points]
        measured = [found[0] for found in self.meter.measure(decks, [self.nominal])]
        outcomes = [worth.outcome([values]) if values else Outcome.failed("no answer") for values in measured]
        if not self.worth.over_corners:
            return outcomes
        good = [index for index, outcome in enumerate(outcomes) if outcome.feasible]
        over = self.meter.measure([decks[index] for index in good], self.corners)
        for index, found in zip(good, over, strict=True):
            outcomes[index] = worth.outcome([measured[index], *found])
        return outcomes

    def _at_corners(self) -> list[tuple[Condition, dict[str, float | None]]]:
        if not self.corners:
            return []
        (found,) = self.meter.measure([self.turned(self.best)], self.corners)
        return list(zip(self.corners, found, strict=True))

    def _front(self) -> list[Evaluation]:
        return unbeaten(self.history, self.worth, self.goal.trade) if self.goal.trade else []
