"""What a model answers: a plan, a netlist, notes; as JSON where the server keeps to a schema, or in a fenced block.

The text is only read. Nothing in it is executed, and its netlist meets the linter before the simulator.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from lightloop.analog.dialogue.ablation import Ablation

MAX_ANSWER = 1 << 18  # characters; the linter takes decks of a quarter of it
MAX_BLOCKS = 20
_FENCE = re.compile(r"\s*```\s*([\w+-]*)")
_NETLIST_FENCES = frozenset({"spice", "ngspice", "cir", "netlist", "sp"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of a reply.

    Args:
        netlist: The deck as it is to be judged; None where the reply holds none.
        plan: What the model says of it.
        notes: What it says after it.
    """

    netlist: str | None
    plan: str = ""
    notes: str = ""


def answer_schema(ablation: Ablation) -> dict[str, Any]:
    """JSON schema of an answer."""
    parts = {
        "plan": "topology, bias, sizes and levels, worked out before the netlist",
        "netlist": "the complete deck, title line first, .end last",
        "notes": "what to know about it; may be empty",
    }
    if ablation.no_plan:
        del parts["plan"]
    properties = {name: {"type": "string", "description": what} for name, what in parts.items()}
    return {"type": "object", "properties": properties, "required": list(parts), "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the word after its fence, its text, and the lines before and after it."""

    word: str
    text: str
    before: str
    after: str


def parse_answer(text: str) -> Answer:
    """The parts of a reply: JSON of the schema, or else the first fenced block that holds a netlist."""
    text = _without_thoughts(text[:MAX_ANSWER].replace("\r\n", "\n")).strip()
    blocks = _blocks(text)
    for candidate in (text, *(block.text for block in blocks if block.word in {"json", ""})):
        found = _from_json(candidate)
        if found:
            return found
    chosen = next((block for block in blocks if block.word in _NETLIST_FENCES), None)
    chosen = chosen or next((block for block in blocks if block.text.strip()), None)
    if chosen is None:
        return Answer(None, plan=text)
    return Answer(_deck(chosen.text), chosen.before.strip(), chosen.after.strip())


def _without_thoughts(text: str) -> str:
    """The text without what some models write between think tags before they answer."""
    for tag in ("think", "thinking"):
        start, end = text.find(f"<{tag}>"), text.rfind(f"</{tag}>")
        if 0 <= start < end:
            text = text[:start] + text[end + len(f"</{tag}>") :]
    return text


def _blocks(text: str) -> list[Block]:
    """The closed fenced blocks; a fence with a word begins a block wherever it stands."""
    found: list[Block] = []
    lines = text.split("\n")
    opened, word = -1, ""
    for place, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if opened >= 0 and not fence[1]:
            inner, before, after = lines[opened + 1 : place], lines[:opened], lines[place + 1 :]
            found.append(Block(word, *("\n".join(part) for part in (inner, before, after))))
            opened = -1
        else:
            opened, word = place, fence[1].lower()
        if len(found) >= MAX_BLOCKS:
            break
    return found


def _from_json(text: str) -> Answer | None:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(table, dict) or not isinstance(table.get("netlist"), str):
        return None
    plan, notes = (value if isinstance(value := table.get(name), str) else "" for name in ("plan", "notes"))
    netlist = next((block.text for block in _blocks(table["netlist"])), table["netlist"])
    return Answer(_deck(netlist) if netlist.strip() else None, plan.strip(), notes.strip())


def _deck(text: str) -> str:
    """The netlist from its first line that is not empty, with unix line ends."""
    return text.replace("\r\n", "\n").strip("\n") + "\n"
