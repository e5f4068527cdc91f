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


def start(folder: Path, out: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "lightloop", "run", "loop.toml", "--out", out, "--resume"]
    with (folder / "out.txt").open("w") as stdout, (folder / "err.txt").open("w") as stderr:
        return subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr, start_new_session=True)


def finish(folder: Path, process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    code = process.wait(timeout=300)
    return code, (folder / "out.txt").read_text(), (folder / "err.txt").read_text()


@pytest.mark.first
def test_killed_at_random_moments_it_ends_the_same(folder: Path) -> None:
    began = time.monotonic()
    code, out, errors = finish(folder, start(folder, "alone"))
    assert code == 0, errors
    assert out.strip() == str((folder / "alone/report.html").resolve())
    length = time.monotonic() - began

    moments = random.Random(time.time_ns())
    killed = 0
    for _ in range(KILLS):
        process = start(folder, "killed")
        try:
            process.wait(timeout=moments.uniform(0.2, 0.9) * length)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)  # the main process only: its workers must notice by themselves
            process.wait()
            killed += 1
    code, _, errors = finish(folder, start(folder, "killed"))
    assert code == 0, errors
    assert killed >= 1
    for name in RESULTS:
        assert (folder / "killed" / name).read_bytes() == (folder / "alone" / name).read_bytes(), name
    weights = sorted(
        path.relative_to(folder / "alone") for path in (folder / "alone").glob("train/*/model.safetensors")
    )
    assert len(weights) == 3
    for path in weights:
        assert (folder / "alone" / path).read_bytes() == (folder / "killed" / path).read_bytes(), path


def test_a_finished_run_is_not_overwritten_and_other_settings_are_refused(folder: Path) -> None:
    code, _, errors = finish(folder, start(folder, "run"))
    assert code == 0, errors
    result = (folder / "run/result.json").read_bytes()
    again = subprocess.run(
        [sys.executable, "-m", "lightloop", "run", "loop.toml", "--out", "run"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 2
    assert "--resume" in again.stderr
    (folder / "loop.toml").write_text(RUN_FILE.replace("steps = 60", "steps = 61"))
    code, _, errors = finish(folder, start(folder, "run"))
    assert code == 2
    assert "train.steps" in errors
    assert "Traceback" not in errors
    assert (folder / "run/result.json").read_bytes() == result


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_do_not_outlive_a_killed_run(folder: Path) -> None:
    process = start(folder, "run")
    deadline = time.monotonic() + 120
    while not any((folder / "run/train").glob("*/progress.txt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = descendants(process.pid)
    assert workers
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(3)
    assert not [pid for pid in workers if alive(pid)]


def descendants(pid: int) -> list[int]:
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if status(stat)[1:] == (str(pid),)]


def alive(pid: int) -> bool:
    return status(Path(f"/proc/{pid}/stat"))[:1] not in {(), ("Z",)}


def status(stat: Path) -> tuple[str, ...]:
    """State and parent of a process; empty if it is gone."""
    try:
        return tuple(stat.read_text().rpartition(")")[2].split()[:2])
    except OSError:
        return ()
