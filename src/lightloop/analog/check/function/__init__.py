"""Fifth stage: the circuit does what its kind asks for. One file for each kind; `FUNCTIONS` names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lightloop.analog.check.bench import Bench
from lightloop.analog.check.circuit import Rejection
from lightloop.analog.check.function.amplifier import measure_amplifier
from lightloop.analog.check.function.arithmetic import measure_arithmetic
from lightloop.analog.check.function.comparator import measure_comparator
from lightloop.analog.check.function.current_mirror import measure_current_mirror
from lightloop.analog.check.function.current_source import measure_current_source
from lightloop.analog.check.function.filter import measure_filter
from lightloop.analog.check.function.inverter import measure_inverter
from lightloop.analog.check.function.mixer import measure_mixer
from lightloop.analog.check.function.opamp import measure_opamp
from lightloop.analog.check.function.oscillator import measure_oscillator
from lightloop.analog.check.function.pll import measure_pll
from lightloop.analog.check.function.receiver import measure_receiver
from lightloop.analog.check.function.schmitt import measure_schmitt
from lightloop.analog.check.function.time_response import measure_differentiator, measure_integrator
from lightloop.analog.check.function.vco import measure_vco
from lightloop.analog.check.subject import StageResult, Subject
from lightloop.analog.verdict import faults_of, judge
from lightloop.errors import InputError

Measured = Mapping[str, float | None]

# Kind of circuit -> what measures it: name -> value in the unit of the task's limits, None where it has no value.
FUNCTIONS: dict[str, Callable[[Bench], Measured]] = {
    "adder": measure_arithmetic,
    "amplifier": measure_amplifier,
    "comparator": measure_comparator,
    "current-mirror": measure_current_mirror,
    "current-source": measure_current_source,
    "differentiator": measure_differentiator,
    "filter": measure_filter,
    "integrator": measure_integrator,
    "inverter": measure_inverter,
    "mixer": measure_mixer,
    "opamp": measure_opamp,
    "oscillator": measure_oscillator,
    "pll": measure_pll,
    "receiver": measure_receiver,
    "schmitt": measure_schmitt,
    "subtractor": measure_arithmetic,
    "vco": measure_vco,
}


def function_stage(subject: Subject) -> StageResult:
    """Every limit of the task, measured on the deck as written."""
    items = judge(subject.task.limits, measured(subject.bench))
    missing = sorted(subject.task.limits.keys() - {item.name for item in items})
    faults = [f"{name} is not measured for this kind of circuit" for name in missing]
    return StageResult(items, (*faults_of(items), *faults))


def measured(bench: Bench) -> Measured:
    """What the kind's own bench measures. Raises `Rejection` where a measure is not defined for what it saw."""
    try:
        return FUNCTIONS[bench.task.kind](bench)
    except InputError as error:
        raise Rejection(error.message) from None
