"""Designs in, measured quantities out: jobs for the simulator at each condition, and how their plots are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from lightloop.analog.check.flat import flatten
from lightloop.analog.pdk.process import Process
from lightloop.analog.sizing.condition import Condition, with_models
from lightloop.analog.sizing.derived import AREA, area_um2, derive, with_needs
from lightloop.analog.sizing.goal import Goal
from lightloop.analog.sizing.probe import Measured, Probe, needed
from lightloop.analog.sizing.testbench import Testbench
from lightloop.analog.sizing.workers import Job, Workers
from lightloop.errors import InputError
from lightloop.spice.deck import Deck
from lightloop.spice.rawfile import Plot
from lightloop.spice.simulator import SimulatorRun

#: Told of every design, since they cost nothing beyond what is simulated anyway.
ALWAYS = ("gain_db", "power_mw", "gm_over_id_per_v", "saturation_margin_v")


@dataclass(frozen=True)
class _Part:
    """One circuit of one design at the conditions that share its models: one job."""

    deck: Deck
    conditions: tuple[Condition, ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class _Design:
    """A design without hierarchy, and its jobs; none where a value of it has no meaning."""

    deck: Deck | None = None
    parts: tuple[_Part, ...] = ()


@dataclass(frozen=True)
class Meter:
    """Measures designs for a goal.

    Args:
        goal: What is asked for.
        workers: Who simulates.
        extra: Quantities beyond those that the goal names.
    """

    goal: Goal
    workers: Workers
    extra: tuple[str, ...] = ()

    def measure(self, decks: Sequence[Deck], conditions: Sequence[Condition]) -> list[list[Measured]]:
        """The quantities of each design at each condition; a condition that gave no answer at all has none.

        Args:
            decks: Designs as the linter read them.
            conditions: In any order; those of the same models are simulated together.
        """
        designs = [self._design(deck, conditions) for deck in decks]
        runs = iter(self.workers.attempt_all(_job(self._bench, part) for design in designs for part in design.parts))
        return [self._measured(design, runs, conditions) for design in designs]

    def check(self, deck: Deck) -> None:
        """Raises `InputError` where the testbench does not fit the deck, or cannot measure what is asked."""
        self._bench.check(deck)
        flat = flatten(deck)
        if self._process:
            self._process.check_sizes(flat)
        for probe in self._probes:
            self._bench.circuit(probe.CIRCUIT, flat)

    @property
    def _bench(self) -> Testbench:
        return self.goal.testbench

    @cached_property
    def _process(self) -> Process | None:
        return self.goal.models.opened if self.goal.models else None

    @cached_property
    def _probes(self) -> tuple[Probe, ...]:
        return needed(with_needs({*self.goal.wanted, *self.extra, *ALWAYS}))

    def _design(self, deck: Deck, conditions: Sequence[Condition]) -> _Design:
        try:
            flat = flatten(deck)
            if self._process:
                self._process.check_sizes(flat)
        except InputError:
            return _Design()  # such as a size without a model
        found = []
        for corner, group in groupby(sorted(conditions, key=_models), key=_models):
            same, modelled = tuple(group), with_models(self.goal, flat, corner)
            for circuit in dict.fromkeys(probe.CIRCUIT for probe in self._probes):
                probes = tuple(probe for probe in self._probes if circuit == probe.CIRCUIT)
                found.append(_Part(self._bench.circuit(circuit, modelled), same, probes))
        return _Design(flat, tuple(found))

    def _measured(
        self, design: _Design, runs: Iterator[SimulatorRun], conditions: Sequence[Condition]
    ) -> list[Measured]:
        found: dict[Condition, Measured] = {condition: {} for condition in conditions}
        for part in design.parts:
            for condition, values in _read(self._bench, part, next(runs)).items():
                found[condition] |= values
        area: Measured = {} if design.deck is None else {AREA: area_um2(design.deck, self._process)}
        return [_finite(values | derive(self._bench, values) | area) if values else {} for values in found.values()]


def _finite(values: Measured) -> Measured:
    """The values, None in the place of one that is not finite."""
    return {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}


def _models(condition: Condition) -> str:
    return condition.models


def _job(bench: Testbench, part: _Part) -> Job:
    """All analyses of all conditions; supply and temperature are set before each."""
    return part.deck, [
        replace(analysis, temp_c=condition.temperature_c, alter=((bench.supply.lower(), "", condition.supply_v),))
        for condition in part.conditions
        for probe in part.probes
        for analysis in probe.analyses(bench, part.deck)
    ]


def _read(bench: Testbench, part: _Part, run: SimulatorRun) -> Mapping[Condition, Measured]:
    """What each condition's plots say; nothing at all where none of its probes has an answer."""
    plots = iter(run.plots)
    found: dict[Condition, Measured] = {}
    for condition in part.conditions:
        answers = [_answer(bench, part.deck, probe, plots) for probe in part.probes]
        found[condition] = {}
        for probe, answer in zip(part.probes, answers, strict=True):
            found[condition] |= dict.fromkeys(probe.QUANTITIES) if answer is None else answer
        if all(answer is None for answer in answers):
            found[condition] = {}
    return found


def _answer(bench: Testbench, deck: Deck, probe: Probe, plots: Iterator[Plot | None]) -> Measured | None:
    """The quantities of a probe from its plots, the next ones; None where one is missing or cannot be read."""
    own = [next(plots) for _ in probe.analyses(bench, deck)]
    whole = [plot for plot in own if plot is not None]
    if len(whole) < len(own):
        return None
    try:
        return probe.read(bench, deck, whole)
    except InputError:
        return None  # such as noise referred to an input that has no gain
