"""Evidence for a report: the schematic with voltages at rest, and the plots that belong to the kind of task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Rejection
from lightloop.analog.check.lint import deck_policy, lint_stage
from lightloop.analog.check.pipeline import SIMULATOR
from lightloop.analog.check.subject import Subject
from lightloop.analog.evidence.frequency import filter_response, gain_response, loop_response, receiver_response
from lightloop.analog.evidence.plots import PlotData
from lightloop.analog.evidence.time import (
    comparator_waveform,
    differentiator_waveform,
    hysteresis,
    integrator_waveform,
    lock_waveform,
    mixed_waveform,
    oscillation_waveform,
    step_waveform,
    tuned_waveforms,
)  # fmt: skip
from lightloop.analog.evidence.transfer import (
    comparator_curve,
    differential_curve,
    logic_curve,
    mirror_curve,
    source_curves,
    sums_curve,
    transfer_curve,
)  # fmt: skip
from lightloop.analog.schematic import schematic
from lightloop.analog.task import Task
from lightloop.errors import InputError
from lightloop.spice.linter import lint
from lightloop.spice.session import Session
from lightloop.spice.simulator import Simulator

Look = Callable[[Bench], list[PlotData]]

# Kind of circuit -> what is plotted of it.
LOOKS: dict[str, tuple[Look, ...]] = {
    "adder": (sums_curve,),
    "amplifier": (gain_response, transfer_curve),
    "comparator": (comparator_curve, comparator_waveform),
    "current-mirror": (mirror_curve,),
    "current-source": (source_curves,),
    "differentiator": (gain_response, differentiator_waveform),
    "filter": (filter_response,),
    "integrator": (gain_response, integrator_waveform),
    "inverter": (logic_curve, step_waveform),
    "mixer": (mixed_waveform,),
    "opamp": (loop_response, differential_curve),
    "oscillator": (oscillation_waveform,),
    "pll": (lock_waveform,),
    "receiver": (receiver_response,),
    "schmitt": (hysteresis,),
    "subtractor": (sums_curve,),
    "vco": (tuned_waveforms,),
}


def evidence(task: Task, deck_text: str, *, simulator: Simulator | None = None) -> dict[str, Any]:
    """What a report shows of a deck as it is written.

    Args:
        task: What the deck is meant to be.
        deck_text: The deck; it is untrusted.
        simulator: ngspice and its sandbox; that of the checker if None.

    Returns:
        Plain values: `schematic` (None where the linter refuses the deck), `plots`, and `missing`: a sentence for each
        plot that could not be made.

    Raises:
        MissingProgramError: ngspice is missing or too old.
    """
    with Session(simulator or SIMULATOR) as session:
        subject = Subject(task, deck_text, session)
        faults = lint_stage(subject).faults
        if faults:
            return {"schematic": picture(task, deck_text), "plots": [], "missing": list(faults)}
        notes, plots, missing = _voltages(subject.bench), [], []
        for look in LOOKS.get(task.kind, ()):
            try:
                plots += [plot.to_dict() for plot in look(subject.bench)]
            except (Rejection, InputError, KeyError, ValueError) as fault:
                missing.append(f"{(look.__doc__ or '').splitlines()[0].rstrip('.')}: {fault}")
    return {"schematic": picture(task, deck_text, notes), "plots": plots, "missing": missing}


def picture(task: Task, deck_text: str, notes: dict[str, str] | None = None) -> dict[str, Any] | None:
    """The schematic of a deck as plain values; None where the linter refuses it.

    Args:
        task: What the deck is meant to be: its ports are marked.
        deck_text: The deck; it is untrusted.
        notes: Net -> what is written beside its name.
    """
    deck = lint(deck_text, deck_policy(task)).deck
    if deck is None:
        return None
    return schematic(deck, [port.name for port in task.inputs], task.outputs, notes).to_dict()


def _voltages(bench: Bench) -> dict[str, str]:
    """Voltage of each node at rest, as it is written beside its name; none where there is no operating point."""
    try:
        point = bench.rest
    except Rejection:
        return {}
    return {node: f"{float(point.voltage(node)[0]):.2f} V" for node in sorted(bench.circuit.deck.nodes - {"0"})}
