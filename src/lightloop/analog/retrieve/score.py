"""Which circuit for which task: what must fit, and a score for what should.

A circuit must be of the task's kind, with its inputs and outputs, and of parts that the task allows. Among those the
score is 3 x the share of the task's structure rules that it keeps + 3 x the share of the task's limits that it is made
for + 2 x the share of its own words that the task has (one for a word of the key or the title, a half for one that only
statement and notes have) - 0.02 for each element.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lightloop.analog.task import Task
from lightloop.analog.topology.catalogue import all_topologies
from lightloop.analog.topology.circuit import Topology

WEIGHTS = {"rules": 3.0, "limits": 3.0, "words": 2.0}
ELEMENT = 0.02
TOLD = 0.5
OPAMP_MODELS = ("nmos", "pmos")  # of the library's op-amp that stands in for a macro that the task does not allow
_WORD = re.compile(r"[a-z0-9]+", re.ASCII)


@dataclass(frozen=True)
class Candidate:
    """A circuit that could serve a task.

    Args:
        topology: The circuit.
        found: For rules, limits and words: how many were found, of how many.
        elements: How many elements it has.
    """

    topology: Topology
    found: dict[str, tuple[float, int]]
    elements: int

    @property
    def score(self) -> float:
        """The higher, the better."""
        shares = {name: have / of if of else 1.0 for name, (have, of) in self.found.items()}
        return sum(WEIGHTS[name] * share for name, share in shares.items()) - ELEMENT * self.elements

    def to_dict(self) -> dict[str, Any]:
        """The candidate as plain values, for a report."""
        shares = {name: f"{have:g} of {of}" for name, (have, of) in self.found.items()}
        return {"circuit": self.topology.key, "score": self.score, **shares, "elements": self.elements}

    def __str__(self) -> str:
        told = ", ".join(f"{name} {have:g}/{of}" for name, (have, of) in self.found.items())
        return f"{self.topology.key}: score {self.score:.2f} ({told}, {self.elements} elements)"


def ranked(task: Task) -> list[Candidate]:
    """The circuits that could serve a task, the best one first; equal ones by key."""
    found = [_scored(task, topology) for topology in all_topologies().values() if _fits(task, topology)]
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.topology.key))


def _fits(task: Task, topology: Topology) -> bool:
    roles = tuple(port.role for port in task.inputs)
    models = {*topology.models, *(OPAMP_MODELS if set(topology.library) - set(task.library) else ())}
    ports = (roles, len(task.outputs)) == (topology.inputs, topology.outputs)
    return task.kind in topology.kinds and ports and models <= set(task.models)


def _scored(task: Task, topology: Topology) -> Candidate:
    words = set(topology.words)
    named, told = _words(task.key, task.title) & words, _words(task.statement, *task.notes) & words
    found = {
        "rules": (len(set(task.structure) & set(topology.rules)), len(task.structure)),
        "limits": (len(task.limits.keys() & set(topology.quantities)), len(task.limits)),
        "words": (len(named) + TOLD * len(told - named), len(words)),
    }
    lines = [line for line in topology.body.strip().splitlines() if not line.startswith("*")]
    return Candidate(topology, found, len(lines))


def _words(*texts: str) -> set[str]:
    return set(_WORD.findall(" ".join(texts).lower()))
