"""Fifth stage: the circuit does what its kind asks for. One file for each kind; `FUNCTIONS` names them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Rejection
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.analog.verdict import faults_of, judge
from lightloop.errors import InputError

Measured = Mapping[str, float | None]

# Kind of circuit -> file here and function that measures it: name -> value in the unit of the task's limits, None where
# it has no value. A file is loaded when the first circuit of its kind is checked.
FUNCTIONS: dict[str, tuple[str, str]] = {
    "adder": ("arithmetic", "measure_arithmetic"),
    "amplifier": ("amplifier", "measure_amplifier"),
    "comparator": ("comparator", "measure_comparator"),
    "current-mirror": ("current_mirror", "measure_current_mirror"),
    "current-source": ("current_source", "measure_current_source"),
    "differentiator": ("time_response", "measure_differentiator"),
    "filter": ("filter", "measure_filter"),
    "integrator": ("time_response", "measure_integrator"),
    "inverter": ("inverter", "measure_inverter"),
    "mixer": ("mixer", "measure_mixer"),
    "opamp": ("opamp", "measure_opamp"),
    "oscillator": ("oscillator", "measure_oscillator"),
    "pll": ("pll", "measure_pll"),
    "receiver": ("receiver", "measure_receiver"),
    "schmitt": ("schmitt", "measure_schmitt"),
    "subtractor": ("arithmetic", "measure_arithmetic"),
    "vco": ("vco", "measure_vco"),
}


def function_stage(subject: Subject) -> StageResult:
    """Every limit of the task, measured on the deck as written."""
    items = judge(subject.task.limits, measured(subject.bench))
    missing = sorted(subject.task.limits.keys() - {item.name for item in items})
    faults = [f"{name} is not measured for this kind of circuit" for name in missing]
    return StageResult(items, (*faults_of(items), *faults))


def measured(bench: Bench) -> Measured:
    """What the kind's own bench measures. Raises `Rejection` where a measure is not defined for what it saw."""
    file, name = FUNCTIONS[bench.task.kind]
    measure = getattr(import_module(f"{__name__}.{file}"), name)
    try:
        return measure(bench)  # type: ignore[no-any-return]
    except InputError as error:
        raise Rejection(error.message) from None
