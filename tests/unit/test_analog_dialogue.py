"""The dialogue: what the prompt holds, how answers are read, what is told after a failure, when it ends."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from lightloop.analog import all_tasks, load_task, reference_deck
from lightloop.analog.backends.protocol import Message, Reply
from lightloop.analog.check.lint import deck_policy
from lightloop.analog.dialogue import example
from lightloop.analog.dialogue.ablation import Ablation
from lightloop.analog.dialogue.answer import answer_schema, parse_answer
from lightloop.analog.dialogue.contract import MODELS
from lightloop.analog.dialogue.designer import DialogueDesigner
from lightloop.analog.dialogue.feedback import AGAIN, BARE, NO_DECK, TITLE, feedback
from lightloop.analog.dialogue.prompt import first_messages
from lightloop.analog.task import Task
from lightloop.analog.verdict import Item, Verdict
from lightloop.errors import InputError
from lightloop.spice import OperatingPoint, Simulator, parse_deck
from lightloop.spice.deck import Deck

DECK = "a title\nR1 Vout 0 1k\n.end\n"
SHIFT_V = 0.72  # of the worked example's plan
MAX_READ_S = 2.0  # a parser that looks back takes minutes; none is meant to be timed closely
PLAN_WITHIN_V = 0.02  # square law by hand against the simulator with lambda


def prompt(task: Task, ablation: Ablation | None = None) -> str:
    return "\n".join(message.content for message in first_messages(task, ablation or Ablation()))


def fenced(deck: str = DECK, word: str = "spice") -> str:
    return f"the plan\n\n```{word}\n{deck}```\n\nthe notes"


def verdict_of(ok: bool, message: str = "gain is 1, below 2", *items: Item) -> Verdict:
    return Verdict("common-source", ok, "function", items, message)


class Scripted:
    """A backend that gives prepared answers and keeps what it was asked."""

    name, model, timed = "scripted:test", "scripted", True

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), []

    def complete(self, messages, schema, temperature, seed, sample):
        self.asked.append((list(messages), schema, temperature, seed, sample))
        return Reply(self.answers[len(self.asked) - 1], 100, 10)


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.key)
def test_prompt_tells_ports_limits_and_models_of_every_task(task: Task):
    text = prompt(task)
    assert task.statement.strip() in text
    for name in (*task.ports, *task.limits, *task.conditions):
        assert name in text
    for limit in task.limits.values():
        assert all(f"{bound:g}" in text for bound in (limit.low, limit.high) if bound is not None)
    assert all(MODELS[name] in text for name in task.models)
    assert ("OPAMP" in text) == bool(task.library)


def test_models_of_the_prompt_are_what_the_linter_reads():
    lines = "\n".join(MODELS.values())
    assert isinstance(parse_deck(f"models\n{lines}\nR1 a 0 1\n.end"), Deck)


def test_prompt_of_a_task_does_not_hold_its_reference():
    for task in all_tasks():
        elements = [line for line in reference_deck(task).splitlines()[1:] if line[:1] in "MRCX"]
        assert not set(elements) & set(prompt(task).splitlines())


def test_worked_example_keeps_its_plan():
    if shutil.which("ngspice") is None:
        pytest.skip("ngspice is not installed")
    deck = parse_deck(example.NETLIST, deck_policy(load_task("diode-load")))
    (point,) = Simulator().run(deck, OperatingPoint())
    assert float(point.voltage("vout")[0]) - 2.0 == pytest.approx(SHIFT_V, abs=PLAN_WITHIN_V)


@pytest.mark.parametrize(
    ("switch", "part"),
    [("no_plan", "Plan first"), ("no_example", "worked example"), ("no_library", "OPAMP"), ("no_plan", "Plan:")],
)
def test_ablation_leaves_its_part_out(switch: str, part: str):
    task = load_task("integrator")
    assert part in prompt(task)
    assert part not in prompt(task, Ablation(**{switch: True}))


def test_schema_asks_for_a_plan_unless_it_is_left_out():
    assert list(answer_schema(Ablation())["properties"]) == ["plan", "netlist", "notes"]
    assert answer_schema(Ablation(no_plan=True))["required"] == ["netlist", "notes"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"plan": "the plan", "netlist": DECK, "notes": "the notes"}),
        "```json\n"
        + json.dumps({"plan": "the plan", "netlist": f"```spice\n{DECK}```", "notes": "the notes"})
        + "\n```",
        fenced(),
        fenced(word=""),
        fenced(DECK.replace("\n", "\r\n")),
        "<think>```spice\nwrong\n```</think>" + fenced(),
        fenced().replace("the plan", "the plan\n\n```python\nprint(1)\n```", 1),
    ],
    ids=["json", "json-in-a-fence", "spice", "bare-fence", "crlf", "thoughts", "another-fence-first"],
)
def test_netlist_is_found_in_every_form_of_answer(text: str):
    answer = parse_answer(text)
    assert answer.netlist == DECK
    assert answer.plan.startswith("the plan")
    assert answer.notes == "the notes"


@pytest.mark.parametrize("text", ["", "no block", "```spice\nnever closed", '{"netlist": 5}', "[" * 100_000, "{}"])
def test_answer_without_netlist_has_none(text: str):
    assert parse_answer(text).netlist is None


@pytest.mark.parametrize("part", ["```a\n", "<think>", "```\n", "`", "{", "\n", "<think></think>", '{"netlist": "'])
def test_hostile_answer_is_read_within_a_second(part: str):
    began_s = time.process_time()
    answer = parse_answer(part * (300_000 // len(part)))
    assert answer.netlist is None or answer.netlist.strip() == "" or "`" in answer.netlist
    assert time.process_time() - began_s < MAX_READ_S


def test_trial_ends_with_the_first_pass_and_keeps_the_conversation():
    backend = Scripted(fenced("first\n.end\n"), fenced("second\n.end\n"), fenced("third\n.end\n"))
    designer = DialogueDesigner(backend, judge=lambda task, deck: verdict_of(deck.startswith("second")), seed=7)
    trial = designer.trial(load_task(1), sample=3)
    assert (trial.ok, trial.sample, len(trial.attempts), trial.deck) == (True, 3, 2, "second\n.end\n")
    first, second = trial.attempts
    assert (first.plan, first.prompt_tokens, first.answer_tokens, second.feedback) == ("the plan", 100, 10, "")
    messages, _, temperature, seed, sample = backend.asked[1]
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert (messages[2].content, messages[3].content) == (fenced("first\n.end\n"), first.feedback)
    assert (temperature, seed, sample) == (0.5, 7, 3)


def test_trial_ends_after_the_last_attempt():
    trial = DialogueDesigner(Scripted(*[fenced()] * 2), 2, judge=lambda *_: verdict_of(False)).trial(load_task(1))
    assert (trial.ok, len(trial.attempts)) == (False, 2)


def test_answer_without_netlist_is_an_attempt_without_verdict():
    trial = DialogueDesigner(Scripted("I cannot."), 1).trial(load_task(1))
    (attempt,) = trial.attempts
    assert (attempt.ok, attempt.deck, attempt.verdict, attempt.feedback) == (False, None, None, NO_DECK)


def test_without_feedback_a_failure_says_nothing_but_that():
    designer = DialogueDesigner(
        Scripted(fenced(), fenced()), 2, ablation=Ablation(no_feedback=True), judge=lambda *_: verdict_of(False)
    )
    designer.trial(load_task(1))
    assert designer.backend.asked[1][0][-1] == Message("user", BARE)


@pytest.mark.parametrize("change", [{"attempts": 0}, {"temperature": -1.0}, {"temperature": 3.0}])
def test_unusable_settings_are_refused(change: dict[str, float]):
    with pytest.raises(InputError, match=r"attempts|temperature"):
        DialogueDesigner(Scripted(), **change)


def test_feedback_has_stage_lines_and_measured_quantities():
    answer = parse_answer(fenced("title\nM1 Vout Vin 0 0 n1 w=1u\n.end\n"))
    items = (Item("gain", 1.9996, "1", 2.0, None, False), Item("output_level", 1e-9, "1", None, 0.95, True))
    message = f"line 2: m1 is not saturated: Vds - (Vgs - Vth) is -0.123456 V\n{items[0]}"
    told = feedback(load_task(1), answer, verdict_of(False, message, *items))
    assert "`function`" in told
    assert "- line 2: m1 is not saturated: Vds - (Vgs - Vth) is -0.123 V" in told
    assert "- gain: 1.9996 (at least 2): BROKEN" in told
    assert "- output_level: 0 (at most 0.95): holds" in told
    assert told.endswith(AGAIN)
    assert told.count("gain") == 1


def test_missing_title_is_told():
    answer = parse_answer(fenced("Vdd Vdd 0 5\nR1 Vdd Vout 1k\n.end\n"))
    verdict = Verdict("common-source", False, "lint", (), "no element joins node Vin; the ports are Vin, Vout")
    assert TITLE in feedback(load_task(1), answer, verdict)
    assert TITLE not in feedback(load_task(1), parse_answer(fenced()), verdict)
