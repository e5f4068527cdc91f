"""An exploration that is killed at any moment and resumed ends with the same files, byte for byte."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightloop.accelerator.exploration import table as table_module
from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.space import load_space
from lightloop.errors import InputError

SPACE = """
machine = "lt-base"
workloads = ["deit-tiny", { name = "linear:64x64", tokens = 8 }]
bits = [4, 8]
constraints = ["area_mm2 <= 120", "core.height <= 2 * core.width"]
chunk = 1000
[axes]
core.height = { from = 4, to = 32, step = 4 }
core.width = { from = 4, to = 32, step = 4 }
core.wavelengths = [4, 8, 12, 16, 20]
tiles = [1, 2, 4, 8]
clock_ghz = { from = 1, to = 10, count = 12, scale = "log" }
"""
FILES = ("designs.parquet", "front.csv", "result.json")
KILLS = {1: 4, 2: 1}  # by workers: starting those takes longest
START = """
import sys
from lightloop.accelerator.exploration.explore import explore
print("ready", flush=True)
explore("space.toml", sys.argv[1], resume=True, workers=int(sys.argv[2]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def start(folder: Path, out: str, workers: int) -> subprocess.Popen[str]:
    """An exploration in a process of its own, from the moment its modules are loaded."""
    command = [sys.executable, "-c", START, out, str(workers)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("workers", KILLS)
def test_killed_at_random_moments_it_ends_the_same(folder: Path, workers: int) -> None:
    began = time.monotonic()
    process = start(folder, "alone", workers)
    assert process.wait(timeout=120) == 0, process.communicate()[1]
    length = time.monotonic() - began

    moments, killed, unfinished = random.Random(workers), 0, 0
    for _ in range(KILLS[workers]):
        process = start(folder, "killed", workers)
        try:
            process.wait(timeout=moments.uniform(0.02, 0.5) * length)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)  # the main process only
            process.wait()
            killed += 1
        unfinished += not (folder / "killed/result.json").exists()
    process = start(folder, "killed", workers)
    assert process.wait(timeout=120) == 0, process.communicate()[1]
    assert killed >= 1
    assert unfinished >= 1
    for name in FILES:
        assert (folder / "killed" / name).read_bytes() == (folder / "alone" / name).read_bytes(), name
    assert sorted(path.name for path in (folder / "killed").iterdir()) == sorted([*FILES, "log.txt", "run.toml"])


class Stopped(Exception):
    pass


@pytest.mark.parametrize("after", [0, 3, 13, 30])
def test_only_the_chunks_that_are_missing_are_evaluated(
    folder: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    evaluated = table_module.evaluated

    def counted(job: table_module.Job) -> object:
        if len(calls) == after:
            raise Stopped
        calls.append(job.start)
        return evaluated(job)

    monkeypatch.setattr(table_module, "evaluated", counted)
    with pytest.raises(Stopped):
        explore(folder / "space.toml", folder / "run")
    assert len(list((folder / "run").glob("parts/*.parquet"))) == after
    first, after = calls[:], 10**9
    explore(folder / "space.toml", folder / "run", resume=True)
    assert calls == list(range(0, 30720, 1000))
    assert calls[: len(first)] == first


def test_killed_between_any_two_files_it_writes_the_others(folder: Path) -> None:
    explore(folder / "space.toml", folder / "alone")
    for missing in (("result.json",), ("front.csv", "result.json")):
        shutil.copytree(folder / "alone", folder / "cut")
        for name in missing:
            (folder / "cut" / name).unlink()
        (folder / "cut/.designs.parquet.abcd").write_bytes(b"half")
        explore(folder / "space.toml", folder / "cut", resume=True)
        for name in FILES:
            assert (folder / "cut" / name).read_bytes() == (folder / "alone" / name).read_bytes()
        assert not list((folder / "cut").glob(".*"))
        shutil.rmtree(folder / "cut")


def test_a_folder_with_another_run_is_not_touched(folder: Path) -> None:
    explore(folder / "space.toml", folder / "run")
    before = (folder / "run/designs.parquet").read_bytes()
    with pytest.raises(InputError, match="already holds a run"):
        explore(folder / "space.toml", folder / "run")
    (folder / "space.toml").write_text(SPACE.replace("<= 120", "<= 121"))
    with pytest.raises(InputError, match=r"other settings \(constraints\)"):
        explore(folder / "space.toml", folder / "run", resume=True)
    assert (folder / "run/designs.parquet").read_bytes() == before


def test_a_machine_file_that_changed_meanwhile_is_noticed(folder: Path) -> None:
    machine = 'extends = "lt-base"\ntitle = "mine"\nsource = "test"\naccumulation = {}\n'
    (folder / "mine.toml").write_text(machine.format(3))
    (folder / "space.toml").write_text(SPACE.replace('"lt-base"', '"mine.toml"'))
    chosen = load_space(folder / "space.toml")
    explore(chosen, folder / "run")
    (folder / "mine.toml").write_text(machine.format(4))
    with pytest.raises(InputError, match=r"sha256\.machine"):
        explore(chosen, folder / "run", resume=True)


def test_a_part_that_was_damaged_is_named(folder: Path) -> None:
    explore(folder / "space.toml", folder / "run")
    for name in FILES:
        (folder / "run" / name).unlink()
    (folder / "run/parts").mkdir()
    (folder / "run/parts/000003.parquet").write_bytes(b"PAR1 no longer")
    with pytest.raises(InputError, match=r"000003\.parquet cannot be read.*\n.*resume"):
        explore(folder / "space.toml", folder / "run", resume=True)
