"""The six stages in order. The first that finds a fault decides; what can still be measured is listed too."""

from __future__ import annotations

from collections.abc import Callable

from lightloop.analog.check.circuit import Rejection
from lightloop.analog.check.function import FUNCTIONS, function_stage
from lightloop.analog.check.lint import lint_stage
from lightloop.analog.check.operating_point import operating_point_stage
from lightloop.analog.check.robustness import robustness_stage
from lightloop.analog.check.simulate import simulate_stage
from lightloop.analog.check.structure import structure_stage
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.analog.task import Task
from lightloop.analog.verdict import Item, StageName, Verdict
from lightloop.errors import InputError
from lightloop.spice.sandbox.child import Sandbox
from lightloop.spice.sandbox.limits import Limits
from lightloop.spice.session import Session
from lightloop.spice.simulator import Simulator

STAGES: dict[StageName, Callable[[Subject], StageResult]] = {
    "lint": lint_stage,
    "simulate": simulate_stage,
    "operating-point": operating_point_stage,
    "structure": structure_stage,
    "function": function_stage,
    "robustness": robustness_stage,
}
# Stages after whose faults the function is measured nevertheless, so that the reader sees what the circuit does.
MEASURED_AFTER: frozenset[StageName] = frozenset({"operating-point", "structure"})
SIMULATOR = Simulator(sandbox=Sandbox(Limits(cpu_s=60, wall_s=60.0)))


def check(
    task: Task, deck_text: str, *, seed: int = 0, robustness: bool = True, simulator: Simulator | None = None
) -> Verdict:
    """The verdict on a deck as it is written.

    Args:
        task: What the deck is meant to be.
        deck_text: The deck; it is untrusted.
        seed: Of the mismatch that the last stage draws.
        robustness: Whether the last stage is run.
        simulator: ngspice and its sandbox; a sandbox with room for the longest check if None.

    Raises:
        InputError: The checker knows no circuits of the task's kind.
        MissingProgramError: ngspice is missing or too old.
    """
    with Session(simulator or SIMULATOR) as session:
        return check_in(session, task, deck_text, seed=seed, robustness=robustness)


def check_in(session: Session, task: Task, deck_text: str, *, seed: int = 0, robustness: bool = True) -> Verdict:
    """As `check`, with a simulator that stays open, for many decks one after the other."""
    if task.kind not in FUNCTIONS:
        raise InputError(f"circuits of kind {task.kind!r} cannot be checked", allowed=sorted(FUNCTIONS))
    items: list[Item] = []
    stage: StageName = "lint"
    stages = {name: examine for name, examine in STAGES.items() if robustness or name != "robustness"}
    subject = Subject(task, deck_text, session, seed)
    for stage, examine in stages.items():
        result = _examined(examine, subject)
        items += result.items
        if result.faults:
            if stage in MEASURED_AFTER:
                also = _examined(function_stage, subject)
                items += also.items
                result = StageResult(faults=(*result.faults, *also.faults))
            return Verdict(task.key, False, stage, tuple(items), "\n".join(dict.fromkeys(result.faults)))
    return Verdict(task.key, True, stage, tuple(items), f"every stage is passed: {task.title}")


def _examined(examine: Callable[[Subject], StageResult], subject: Subject) -> StageResult:
    try:
        return examine(subject)
    except (Rejection, InputError) as fault:
        return StageResult(faults=(str(fault),))
