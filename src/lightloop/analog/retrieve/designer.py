"""The retrieval designer: circuits by rank, each with its first cut, a search where it is too little, strict check."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lightloop.analog.check import check
from lightloop.analog.library.entry import Entry, load_entry
from lightloop.analog.library.reuse import with_entry
from lightloop.analog.retrieve.improve import Found, improved, least_margin
from lightloop.analog.retrieve.score import Candidate, ranked
from lightloop.analog.task import Task
from lightloop.analog.topology.circuit import Topology, Values, write
from lightloop.analog.topology.spec import MARGINS, OutOfReach, Spec, with_wishes
from lightloop.analog.trial import Attempt, Trial
from lightloop.analog.verdict import Verdict
from lightloop.errors import InputError
from lightloop.spice.simulator import Simulator

CIRCUITS = 3  # of the ranking that are tried
THIN = 0.02  # a least margin below which a passing first cut is searched for more
SLOW_KINDS = frozenset({"oscillator", "vco", "pll"})  # a check takes seconds
SLOWER = 6
COMPOSITE_KINDS = frozenset({"integrator", "differentiator", "adder", "subtractor", "schmitt", "oscillator", "vco"})
TRANSISTORS = "two_stage"
LIGHT_A = 10e-6


@dataclass(frozen=True)
class RetrieveDesigner:
    """A designer that needs no language model, no key and no network.

    Args:
        seed: Of the search and of the mismatch in the strict check.
        wishes: The user's own numbers: see `lightloop.analog.topology.spec.WISHES`.
        evaluations: How many decks a search may check, for each circuit; a sixth for kinds whose check takes seconds.
        opamp: The library entry that takes the place of the op-amp macro; the macro itself if None, or the two-stage
            op-amp where the task does not allow the macro.
        simulator: ngspice and its sandbox; the checker's own if None.
    """

    seed: int = 0
    wishes: Mapping[str, float] = field(default_factory=dict)
    evaluations: int = 60
    opamp: str | None = None
    simulator: Simulator | None = None

    @property
    def name(self) -> str:
        """What stands in reports."""
        return "retrieve"

    @property
    def settings(self) -> dict[str, Any]:
        """Seed, wishes, size of a search, and what stands in for the op-amp macro."""
        wishes = dict(self.wishes)
        return {"seed": self.seed, "wishes": wishes, "evaluations": self.evaluations, "opamp": self.opamp}

    def trial(self, task: Task, sample: int = 0) -> Trial:
        """One attempt for each circuit that is tried, up to the first that passes.

        Args:
            task: The task; its limits count as the user's wishes tighten them.
            sample: Index of the trial; the search of each begins with another seed.

        Raises:
            InputError: A wish that the task has no place for.
        """
        task = with_wishes(task, {**self._lighter(task), **self.wishes})
        candidates = ranked(task)
        if not candidates:
            raise InputError(
                f"no parametric circuit is of kind {task.kind!r} with the ports {', '.join(task.ports)}",
                hint="a circuit is one file in lightloop/analog/topology/circuits",
            )
        attempts: list[Attempt] = []
        told = ["circuits:", *(f"  {candidate}" for candidate in candidates)]
        for candidate in candidates[:CIRCUITS]:
            attempts.append(self._attempt(task, candidate, sample, told))
            if attempts[-1].ok:
                break
            told = []
        return Trial(task.key, sample, tuple(attempts))

    def _attempt(self, task: Task, candidate: Candidate, sample: int, told: list[str]) -> Attempt:
        started = time.monotonic()
        topology = candidate.topology
        try:
            values = first_cut(task, topology)
        except OutOfReach as error:
            plan = [*told, f"{topology.key}: out of reach: {error.message}"]
            return Attempt(None, None, "\n".join(plan), error.message, seconds=time.monotonic() - started)
        found = self._sized(task, topology, values, sample)
        plan = [*told, *_first_cut_lines(topology, values), *found.remarks]
        plan.append(f"{found.evaluations} decks checked; least margin {_margin_text(found.verdict)}")
        feedback = "" if found.verdict.ok else found.verdict.message
        deck = self._deck(task, topology, found.values)
        return Attempt(deck, found.verdict, "\n".join(plan), feedback, seconds=time.monotonic() - started)

    def _sized(self, task: Task, topology: Topology, values: Values, sample: int) -> Found:
        """The first cut if it passes with some margin, else what a search makes of it."""
        slow = task.kind in SLOW_KINDS
        budget = self.evaluations // SLOWER if slow else self.evaluations
        first = Found(values, self._judge(task, topology, True, values))
        enough = first.verdict.ok and (slow or least_margin(first.verdict)[0] >= THIN)
        hopeless = first.verdict.stage == "lint" or not set(task.structure) <= set(topology.rules)
        if enough or hopeless:  # no value mends what a circuit is not built for
            return first
        remarks = [f"first cut: {_margin_text(first.verdict)}, {first.verdict.stage}: {first.verdict.message}"]
        search = partial(improved, topology, seed=self.seed + sample, supply_v=Spec(task).supply_v)
        robust = first.verdict.stage == "robustness" and not slow
        best = search(first, partial(self._judge, task, topology, robust), evaluations=budget)
        if not robust and best.verdict.ok:
            strict = Found(best.values, self._judge(task, topology, True, best.values), best.evaluations + 1)
            left = 0 if strict.verdict.ok or slow else budget - strict.evaluations
            best = search(strict, partial(self._judge, task, topology, True), evaluations=left)
        return Found(best.values, best.verdict, best.evaluations, [*remarks, _moves(first.values, best.values)])

    def _judge(self, task: Task, topology: Topology, robust: bool, values: Values) -> Verdict:
        deck = self._deck(task, topology, values)
        return check(task, deck, seed=self.seed, robustness=robust, simulator=self.simulator)

    def _deck(self, task: Task, topology: Topology, values: Values) -> str:
        entry = self._entry(task) if topology.library else None
        deck = topology.deck(task, values)
        return deck if entry is None else with_entry(deck, task, entry)

    def _entry(self, task: Task) -> Entry | None:
        """What stands in for the op-amp macro."""
        name = self.opamp or (None if task.library else TRANSISTORS)
        return load_entry(name) if name else None

    def _lighter(self, task: Task) -> Mapping[str, float]:
        """A smaller current for circuits around an op-amp of transistors, which cannot drive as much as the macro."""
        return {"current_a": LIGHT_A} if self._entry(task) and task.kind in COMPOSITE_KINDS else {}


def first_cut(task: Task, topology: Topology) -> Values:
    """The first cut with the largest margin that the equations can give.

    Raises:
        OutOfReach: They have no answer even with the least margin.
    """
    for margin in MARGINS[:-1]:
        try:
            return topology.first_cut(Spec(task, margin))
        except OutOfReach:
            continue
    return topology.first_cut(Spec(task, MARGINS[-1]))


def _first_cut_lines(topology: Topology, values: Values) -> list[str]:
    told = ", ".join(f"{name} = {write(value)}" for name, value in values.items())
    return [f"{topology.key}: {topology.title}", *(f"  {line}" for line in topology.equations), f"  first cut: {told}"]


def _margin_text(verdict: Verdict) -> str:
    least, name = least_margin(verdict)
    return f"{least:.1%} ({name})" if verdict.items else "not measured"


def _moves(first: Values, best: Values) -> str:
    moved = [f"{name} {write(first[name])} -> {write(value)}" for name, value in best.items() if value != first[name]]
    return f"search: {', '.join(moved) or 'nothing better found'}"
