"""What a deck must be, in words and numbers: the linter's list, the task's ports, its limits, what is varied."""

from __future__ import annotations

from collections.abc import Iterator

from lightloop.analog.task import Condition, Limit, Task, limit_table

DECK = """\
- The first line is a title and is never read as an element. The last line is `.end`.
- Cards: `.model .param .subckt .ends .end`. Elements, one on a line:
  `Rname a b value`, `Cname a b value`, `Lname a b value`, `Kname L1 L2 k`, `Vname + - value`, `Iname from to value`,
  `Mname drain gate source bulk model w=10u l=1u`, `Dname anode cathode model`, `Qname c b e model`,
  `Xname node ... SUBCKT`.
- Values are numbers with SPICE suffixes (`f p n u m k meg g`; `m` is milli, `meg` is 1e6) or `{arithmetic}`.
- Nothing else is read: no analysis (`.op .ac .dc .tran`), no `.control .include .lib .options .ic`, no controlled or
  behavioural sources (B E F G H), no AC values. Names are not case-sensitive; the text is ASCII.
- The checker does all analyses and replaces the sources on the inputs for its own; their DC values are your bias.
- The deck is judged as written: bias, sizes and element values are not corrected."""
MODELS = {
    "nmos": ".model n1 nmos level=1 kp=100u vto=0.5 lambda=0.02",
    "pmos": ".model p1 pmos level=1 kp=50u vto=-0.5 lambda=0.02",
    "npn": ".model q1 npn is=1e-16 bf=100 vaf=50",
    "pnp": ".model q2 pnp is=1e-16 bf=50 vaf=50",
    "d": ".model d1 d is=1e-12 n=1",
}
SOURCES = {
    "signal": "one voltage source to ground; its DC value is the bias at which the circuit is judged",
    "bias": "one DC voltage source to ground",
    "current": "one current source from the supply into this node",
    "clock": "one voltage source to ground with `pulse(low high delay rise fall width period)`",
}
MISMATCH = (
    "devices of one deck differ at random: sigma(Vth) = {threshold_coefficient} over sqrt(W L), "
    "sigma(kp)/kp = {factor_coefficient} over sqrt(W L)"
)
NULLED = " (the input offset is nulled before measuring)"


def deck_contract(task: Task) -> str:
    """What the deck must hold: ports, supply, models, form."""
    lines = [f"- Input {port.name}: {SOURCES[port.role]}." for port in task.inputs]
    lines += [f"- Output {name}: a node that the circuit drives." for name in task.outputs]
    if task.supply_v is not None:
        lines.append(f"- Supply: `Vdd Vdd 0 {task.supply_v:g}`, a DC source at node Vdd; ground is node 0.")
    lines += _models(task)
    return "\n".join([*lines, DECK])


def limits_in_words(task: Task) -> str:
    """Every quantity that is measured, with its limits, and the conditions under which it is."""
    lines = [f"- {name}: {_bounds(limit)} ({limit.what})" for name, limit in task.limits.items()]
    lines += [
        f"- condition {name}: {_value(condition)} ({condition.what})" for name, condition in task.conditions.items()
    ]
    if task.structure:
        lines.append(f"- structure: {'; '.join(key.replace('-', ' ') for key in task.structure)}")
    return "\n".join(lines)


def variations_in_words(task: Task) -> str:
    """What is varied in the last stage; the limits hold there too."""
    return "\n".join(f"- {line}" for line in _variations(task)) or "- nothing"


def _models(task: Task) -> Iterator[str]:
    if not task.models:
        yield "- No transistors or diodes."
        return
    yield "- Models of the process, to be copied into the deck as they are needed:"
    for name in task.models:
        yield f"  `{MODELS[name]}`"


def _bounds(limit: Limit) -> str:
    unit = "" if limit.unit == "1" else f" {limit.unit}"
    if limit.low is not None and limit.high is not None:
        return f"from {limit.low:g} to {limit.high:g}{unit}"
    return f"at least {limit.low:g}{unit}" if limit.low is not None else f"at most {limit.high:g}{unit}"


def _value(condition: Condition) -> str:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    unit = "" if condition.unit == "1" else f" {condition.unit}"
    return ", ".join(f"{value:g}" for value in values) + unit


def _variations(task: Task) -> Iterator[str]:
    varied, table = task.robustness, limit_table().robustness.conditions
    told = {name: _value(condition) for name, condition in table.items()}
    if varied.supply and task.supply_v is not None:
        yield f"the supply by {_percent(table['supply_change'])}"
    if varied.temperature:
        yield f"the temperature: {told['temperature']}"
    for is_varied, name in ((varied.resistors, "resistor"), (varied.capacitors, "capacitor")):
        if is_varied:
            yield f"all {name}s together by {_percent(table[f'{name}_change'])}"
    if varied.mismatch != "none":
        yield MISMATCH.format(**told) + (NULLED if varied.mismatch == "offset-nulled" else "")


def _percent(condition: Condition) -> str:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return ", ".join(f"{100 * value:+g} %" for value in values)
