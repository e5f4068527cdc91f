"""Second stage: the simulator finds an operating point, and every node has a way to ground."""

from __future__ import annotations

from dataclasses import replace

from lightloop.analog.check.circuit import Rejection
from lightloop.analog.check.subject import StageResult, Subject

FATAL_REMARKS = {"singular-matrix"}


def simulate_stage(subject: Subject) -> StageResult:
    """The operating point of the deck as written; the bench keeps it."""
    bench = subject.bench
    run = subject.session.attempt(bench.circuit.deck, bench.device_point)
    faults = [str(remark) for remark in run.remarks if remark.kind in FATAL_REMARKS]
    if run.failure is not None:
        return StageResult(faults=(str(run.failure),))
    if faults:
        return StageResult(faults=tuple(dict.fromkeys(faults)))
    if run.plots[0] is None:
        raise Rejection("the simulator gave no operating point")
    subject.bench = replace(bench, point=run.plots[0])
    return StageResult()
