"""The shipped cassette: every task's conversation is on it, and its replay repeats bit for bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lightloop.analog import all_tasks, load_task
from lightloop.analog.backends.cassette import CASSETTES, key_of, read_cassette
from lightloop.analog.backends.files import Files
from lightloop.analog.backends.registry import open_backend
from lightloop.analog.bench.run import bench
from lightloop.analog.dialogue.ablation import Ablation
from lightloop.analog.dialogue.designer import TEMPERATURE, DialogueDesigner
from lightloop.analog.dialogue.prompt import first_messages

DEMO = Path(str(CASSETTES / "demo.jsonl"))
ANSWERS = Path(__file__).resolve().parents[1] / "data" / "cassettes" / "answers"
MAX_BYTES = 300_000
QUICK = (1, 5, 14)  # the latter two are repaired by feedback
PUBLIC = [task for task in all_tasks() if task.id <= 24]
AGAIN = "a prompt has changed: run python tests/data/cassettes/record.py"

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")


def test_shipped_cassette_has_a_conversation_for_every_task():
    entries = read_cassette(DEMO)
    for task in PUBLIC:
        assert key_of("hand-written", first_messages(task, Ablation()), TEMPERATURE, 0, 0) in entries, AGAIN
    assert DEMO.stat().st_size < MAX_BYTES


def test_shipped_answers_are_no_copies_of_the_references():
    from lightloop.analog import reference_deck
    from lightloop.analog.dialogue.answer import parse_answer

    for path in ANSWERS.glob("*.md"):
        task = load_task(int(path.name[:2]))
        own, theirs = ({line.lower() for line in text.splitlines()} for text in (
            parse_answer(path.read_text()).netlist or "", reference_deck(task)
        ))  # fmt: skip
        devices = {line for line in theirs if line[:1] in "mrcx"}
        assert len(own & devices) <= len(devices) / 4, path.name


@needs_ngspice
def test_replay_repeats_bit_for_bit(tmp_path: Path):
    tasks = [load_task(number) for number in QUICK]
    for name in ("first", "second"):
        result = bench(DialogueDesigner(open_backend("replay:demo")), tasks, folder=tmp_path / name)
        assert [(score.passed, score.repaired) for score in result.scores] == [(1, 0), (1, 1), (1, 1)], AGAIN
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("first", "second")
    )
    assert first == second


@needs_ngspice
def test_task_through_prompt_and_answer_files_in_two_attempts(tmp_path: Path):
    for attempt in (1, 2):
        shutil.copy(ANSWERS / f"05.{attempt}.md", tmp_path / f"{attempt:04d}.answer.md")
    designer = DialogueDesigner(Files(tmp_path, wait_s=2.0, settle_s=0.05))
    trial = designer.trial(load_task("cascode"))
    assert [attempt.ok for attempt in trial.attempts] == [False, True]
    second = (tmp_path / "0002.prompt.md").read_text()
    assert "line 9: card '.op' is not allowed" in second
    assert trial.attempts[0].feedback in second


@pytest.mark.slow
@needs_ngspice
def test_all_conversations_replay_and_pass_as_recorded():
    results = [bench(DialogueDesigner(open_backend("replay:demo")), PUBLIC, workers=2) for _ in range(2)]
    assert results[0].markdown() == results[1].markdown()
    assert results[0].to_dict() == results[1].to_dict()
    assert results[0].groups[-1].solved == len(PUBLIC)
    assert {score.task for score in results[0].scores if score.repaired} == {
        "cascode", "cascode-mirror", "two-stage-opamp", "wien-bridge", "subtractor", "pll",
    }  # fmt: skip
