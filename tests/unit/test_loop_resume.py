"""A closed loop that is killed at any moment and resumed ends with the same results as one left alone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Small enough for seconds, with every stage of the real thing.
RUN_FILE = """
title = "test"

[model]
hidden = 16
intermediate = 32
heads = 2
layers = 1
context = 16

[text]
files = ["text.txt"]
tokenizer = "bytes"

[train]
steps = 60
batch = 2
eval_every = 10
checkpoint_every = 5
eval_tokens = 256
update_gap = 20

[[contenders]]
optimizer = "adamw"
lr = [1e-2]

[[contenders]]
optimizer = "apollo"
lr = [1e-2]
rank = 4

[[contenders]]
optimizer = "apollo-mini"
lr = [1e-2]
scale = 2.0

[photonic]
bits = [8, 4]
noise_bits = [4]
noise = [1.0, 4.0]
seeds = 2
tokens = 256

[accelerator]
machines = ["lt-base", "mrr-bank"]
"""
WORDS = ("light", "matter", "coupler", "photon", "and", "the", "of", "a", "field", "wave")
RESULTS = ("training.json", "photonic.json", "pricing.json", "tradeoff.json", "result.json")
KILLS = 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = random.Random(0)
    (tmp_path / "text.txt").write_text(" ".join(words.choice(WORDS) for _ in range(4000)))
    (tmp_path / "loop.toml").write_text(RUN_FILE)
    return tmp_path


def start(folder: Path, out: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lightloop", "run", "loop.toml", "--out", out, "--resume"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_killed_at_random_moments_it_ends_the_same(folder: Path) -> None:
    began = time.monotonic()
    alone = start(folder, "alone")
    out, errors = alone.communicate(timeout=300)
    assert alone.returncode == 0, errors
    assert out.strip() == str((folder / "alone/report.html").resolve())
    length = time.monotonic() - began

    moments = random.Random(time.time_ns())
    killed = 0
    for _ in range(KILLS):
        process = start(folder, "killed")
        try:
            process.communicate(timeout=moments.uniform(0.2, 0.9) * length)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)  # the main process only: its workers must notice by themselves
            process.wait()
            process.communicate()
            killed += 1
    last = start(folder, "killed")
    assert last.wait(timeout=300) == 0, last.communicate()[1]
    last.communicate()
    assert killed >= 1
    for name in RESULTS:
        assert (folder / "killed" / name).read_bytes() == (folder / "alone" / name).read_bytes(), name
    weights = sorted(path.relative_to(folder / "alone") for path in (folder / "alone").glob("train/*/model.safetensors"))
    assert len(weights) == 3
    for path in weights:
        assert (folder / "alone" / path).read_bytes() == (folder / "killed" / path).read_bytes(), path


def test_a_finished_run_is_not_overwritten_and_other_settings_are_refused(folder: Path) -> None:
    first = start(folder, "run")
    assert first.wait(timeout=300) == 0, first.communicate()[1]
    result = (folder / "run/result.json").read_bytes()
    again = subprocess.run(
        [sys.executable, "-m", "lightloop", "run", "loop.toml", "--out", "run"], cwd=folder, capture_output=True, text=True
    )
    assert again.returncode == 2
    assert "--resume" in again.stderr
    (folder / "loop.toml").write_text(RUN_FILE.replace("steps = 60", "steps = 61"))
    other = start(folder, "run")
    _, errors = other.communicate(timeout=120)
    assert other.returncode == 2
    assert "train.steps" in errors
    assert "Traceback" not in errors
    assert (folder / "run/result.json").read_bytes() == result
