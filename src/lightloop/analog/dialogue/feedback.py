"""What the model is told after a failed attempt: the stage, the faults by line, the measured quantities.

Only words that are known to be harmless pass: plain words, numbers, names of the deck itself. A path, a line of a file,
raw text of the simulator or a key would be cut, should the checker ever let one through.
"""

from __future__ import annotations

import re

from lightloop.analog.dialogue.answer import Answer
from lightloop.analog.task import Task
from lightloop.analog.verdict import Item, StageName, Verdict

MAX_FAULTS = 12
MAX_FAULT = 400  # characters
MAX_ITEMS = 24
NEGLIGIBLE = 1e-3  # of a limit: less is rounding, which differs from machine to machine
CUT = "[...]"
AGAIN = "Hand in the whole corrected answer in the same form."
BARE = f"The design does not pass. {AGAIN}"
NO_DECK = (
    f"Your answer holds no netlist: neither JSON with `netlist` nor a closed block that begins with ```spice. {AGAIN}"
)
TITLE = "The first line is a title and is not read; yours looks like an element or a card."

STAGES: dict[StageName, str] = {
    "lint": "The deck is not accepted as written. Correct these lines; nothing was simulated.",
    "simulate": "The deck does not simulate. Give every node a DC path to ground and break loops of voltage sources.",
    "operating-point": "The bias is wrong. Work out each node's voltage again, and each device's Vgs and Vds.",
    "structure": "The circuit is not what the task asks for, or a device that carries the signal is not saturated.",
    "function": "The circuit is built as asked, but a measured quantity breaks its limit.",
    "robustness": "All is well as written, but a limit breaks when supply, temperature, elements or devices vary.",
}
_TOKEN = re.compile(r"\S+")
_EDGE = "\"'`()[]{},;:.!?"
_WORD = re.compile(r"[A-Za-z]{1,24}(?:[-'][A-Za-z]{1,24}){0,4}")
_NUMBER = re.compile(r"[-+]?\d{1,12}(?:\.\d{1,12})?(?:e[-+]?\d{1,3})?%?", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{2,}(?:e[-+]?\d+)?(?![\w.])", re.IGNORECASE)
_NAME = re.compile(r"[\w.+-]{1,40}", re.ASCII)
_SIGNS = frozenset({"-", "+", "=", "<", ">", "<=", ">=", "*", "%", "+-"})


def feedback(task: Task, answer: Answer, verdict: Verdict | None, *, told: bool = True) -> str:
    """The message after an attempt that did not pass.

    Args:
        task: The task.
        answer: What the model handed in.
        verdict: What the checker said; None where there was no deck.
        told: Whether faults are told at all.
    """
    if not told:
        return BARE
    if verdict is None or answer.netlist is None:
        return NO_DECK
    known = _names(task, answer.netlist)
    measured = {str(item) for item in verdict.items}  # stands in the list of what was measured
    lines = [line for line in verdict.message.splitlines() if line.strip() and line not in measured]
    faults = [f"- {clean(line, known)}" for line in lines[:MAX_FAULTS]]
    parts = [f"The design fails at stage `{verdict.stage}`. {STAGES[verdict.stage]}", "\n".join(faults)]
    if verdict.stage == "lint" and _looks_untitled(answer.netlist):
        parts.append(TITLE)
    if verdict.items:
        parts.append("Measured:\n" + "\n".join(_line(item, known) for item in verdict.items[:MAX_ITEMS]))
    return "\n\n".join([*(part for part in parts if part), AGAIN])


def clean(text: str, known: frozenset[str]) -> str:
    """A sentence with everything cut that is no plain word, no number, and no name in `known`."""
    text = _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.3g}", text[:MAX_FAULT])
    return _TOKEN.sub(lambda match: match[0] if _harmless(match[0], known) else CUT, text).strip()


def _harmless(token: str, known: frozenset[str]) -> bool:
    bare = token.strip(_EDGE)
    if not bare or bare in _SIGNS or _WORD.fullmatch(bare) or _NUMBER.fullmatch(bare):
        return True
    parts = bare.lower().split(".")  # the node of a subcircuit is told by its path, such as x1.out
    return _NAME.fullmatch(bare) is not None and (bare.lower() in known or all(part in known for part in parts))


def _names(task: Task, netlist: str) -> frozenset[str]:
    """Names that may be repeated: the deck's own words, the task's ports and quantities."""
    words = re.split(r"[\s=(){},']+", netlist.lower())
    own = {word.strip(_EDGE) for word in words} | set(words)
    units = {limit.unit for limit in task.limits.values()}
    cards = {"subckt", "ends", "model", "param", "end", ".subckt", ".ends", ".model", ".param", ".end"}
    return frozenset(own | {name.lower() for name in (*task.ports, *task.limits, *units, "vdd")} | cards)


def _line(item: Item, known: frozenset[str]) -> str:
    unit = "" if item.unit == "1" else f" {item.unit}"
    bounds = [f"at least {item.low:g}"] if item.low is not None else []
    bounds += [f"at most {item.high:g}"] if item.high is not None else []
    limits = f"{' and '.join(bounds)}{unit}"
    return f"- {clean(item.name, known)}: {_value(item)}{unit} ({limits}): {'holds' if item.ok else 'BROKEN'}"


def _value(item: Item) -> str:
    """The value, told no finer than needed: what holds in two digits, what does not so that it can be seen."""
    if item.value is None:
        return "not measurable"
    bounds = [bound for bound in (item.low, item.high) if bound is not None]
    if abs(item.value) <= NEGLIGIBLE * max(map(abs, bounds), default=0.0):
        return "0"
    rounded = [float(f"{item.value:.{digits}g}") for digits in ((2, 3, 4) if item.ok else (3, 4, 5))]
    return f"{next((value for value in rounded if value not in bounds), item.value):g}"


def _looks_untitled(netlist: str) -> bool:
    """Whether the first line is a card, or has ground among its words."""
    words = netlist.split("\n", 1)[0].split()
    return bool(words) and (words[0].startswith(".") or "0" in words[1:])
