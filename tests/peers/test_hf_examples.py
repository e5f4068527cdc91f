"""The examples for Hugging Face's Trainer and for accelerate, as a user runs them: they train, save and resume."""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from lightloop.optim import Apollo, param_groups

pytest.importorskip("accelerate", reason="pip install 'lightloop[hf]'")
pytest.importorskip("transformers", reason="pip install 'lightloop[hf]'")

STEPS, HALF = 12, 6
# Nats per byte: a model that knows nothing has ln 256 = 5.5, one that knows the frequencies of letters some 3.
LEARNT = 4.0
SENTENCES = "In the beginning was the word. {} sheep went over the hill, and {} of them came back.\n"

Example = Callable[..., str]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "sheep.txt"
    file.write_text("".join(SENTENCES.format(n, n * n % 97) for n in range(400)))
    return file


@pytest.fixture
def example(text: Path) -> Example:
    """Run `PROGRAM ARGUMENTS...` on the text, for a few steps."""
    root = Path(__file__).resolve().parents[2]

    def run(program: str, *arguments: object, launcher: tuple[str, ...] = ()) -> str:
        options = ("--text", text, "--steps", STEPS, "--save-every", HALF, "--batch", 4, *arguments)
        command = [sys.executable, *launcher, root / "examples" / program, *options]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def held_out_loss(output: str) -> float:
    found = re.search(r"held-out loss ([\d.]+)", output)
    assert found, output
    return float(found[1])


def tensors(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same_to_the_bit(one: Path, other: Path) -> bool:
    left, right = tensors(one), tensors(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_trainer_learns_saves_and_resumes_to_the_bit(example: Example, tmp_path: Path) -> None:
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    output = example("hf_trainer.py", "--out", straight, "--accumulate", 2)
    checkpoint = straight / f"checkpoint-{HALF}"
    example("hf_trainer.py", "--out", resumed, "--accumulate", 2, "--resume", checkpoint)
    assert held_out_loss(output) < LEARNT
    assert not same_to_the_bit(checkpoint, straight)
    assert same_to_the_bit(straight, resumed)
    state = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    assert [group["rank"] for group in state["param_groups"]] == [16, None, None]
    history = json.loads((resumed / f"checkpoint-{STEPS}/trainer_state.json").read_text())
    assert history["global_step"] == STEPS


def test_accelerate_learns_saves_and_resumes_to_the_bit_over_two_epochs(example: Example, tmp_path: Path) -> None:
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    # 400 sentences are 257 rows: with 16 rows in a batch an epoch has 16 batches, and 12 steps take 24.
    arguments = ("accelerate_training.py", "--batch", 16)
    output = example(*arguments, "--out", straight)
    example(*arguments, "--out", resumed, "--resume", straight / f"state-{HALF}")
    assert held_out_loss(output) < LEARNT
    assert same_to_the_bit(straight, resumed)
    assert not same_to_the_bit(straight / f"state-{HALF}", straight)


def test_accelerate_runs_under_torchrun_and_resumes_to_the_bit(example: Example, tmp_path: Path) -> None:
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"

    def run(*arguments: object) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port))
        return example("accelerate_training.py", *arguments, launcher=launcher)

    output = run("--out", straight)
    run("--out", resumed, "--resume", straight / f"state-{HALF}")
    assert held_out_loss(output) < LEARNT
    assert same_to_the_bit(straight, resumed)


@pytest.fixture(scope="module")
def hf_trainer(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("examples/hf_trainer.py")


def trainer_of(hf_trainer: Any, text: Path, out: Path) -> Any:
    options = {"out": out, "text": str(text), "steps": 4, "save_every": 4, "batch": 2, "accumulate": 1}
    chosen = {"rank": 8, "lr": 1e-2, "weight_decay": 0.1, "seed": 0}
    return hf_trainer.build_trainer(argparse.Namespace(**options, **chosen))


def test_trainer_gives_a_rank_to_the_matrices_and_weight_decay_to_all_but_norms(
    hf_trainer: Any, text: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(hf_trainer, text, tmp_path)
    optimizer = trainer.create_optimizer()
    assert isinstance(optimizer, Apollo)
    found = {
        name: (group["rank"], group["weight_decay"])
        for group in optimizer.param_groups
        for name in group["param_names"]
    }
    assert set(found) == {name for name, _ in trainer.model.named_parameters()}
    decayed = trainer.get_decay_parameter_names(trainer.model)
    for name, (rank, weight_decay) in found.items():
        assert rank == (8 if "_proj" in name else None)
        assert weight_decay == (0.1 if name in decayed else 0.0)


def test_both_ways_into_the_trainer_give_the_same_weights(hf_trainer: Any, text: Path, tmp_path: Path) -> None:
    one, other = (trainer_of(hf_trainer, text, tmp_path / name) for name in "ab")
    groups = hf_trainer.decayed(param_groups(other.model, rank=8), 0.1)
    other.optimizer_cls_and_kwargs, other.optimizer = None, Apollo(groups, lr=1e-2)
    for trainer in (one, other):
        trainer.train()
    assert all(torch.equal(*pair) for pair in zip(one.model.parameters(), other.model.parameters(), strict=True))
