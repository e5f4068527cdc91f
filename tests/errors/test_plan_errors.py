"""What a plan refuses, and what it says then."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from lightloop.cli.main import main
from lightloop.errors import InputError
from lightloop.optim import plan_memory
from lightloop.pretrain.plan import plan_training

Cli = Callable[..., subprocess.CompletedProcess[str]]

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"model": "llama-7bb"}, "did you mean '7b'"),
    "optimizer": ({"optimizer": "apolo"}, "did you mean 'apollo'"),
    "weights": ({"weights": "int4"}, "unknown format of weights 'int4'"),
    "states": ({"states": "bf61"}, "did you mean 'bf16'"),
    "rank above the matrix": ({"rank": 5000}, "1 to 4096"),
    "rank of nothing": ({"rank": 0}, "1 to 4096"),
    "rank of Mini": ({"optimizer": "apollo-mini", "rank": 4}, "has no rank 4"),
    "batch": ({"batch": 0}, "batch = 0"),
    "tokens": ({"tokens": -1}, "tokens = -1"),
    "vocab": ({"vocab": 0}, "vocab = 0"),
    "weights against the method": ({"optimizer": "q-apollo", "weights": "bf16"}, "q-apollo has no bf16 weights"),
    "weights that it cannot write": ({"optimizer": "adamw", "weights": "int8"}, "adamw cannot train int8 weights"),
    "states against the method": ({"optimizer": "adamw-8bit", "states": "fp32"}, "has no fp32 states"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_named(case: str) -> None:
    given, said = REFUSED[case]
    with pytest.raises(InputError, match=said):
        plan_training(**{"model": "llama-7b", "optimizer": "apollo", **given})


def test_a_module_in_another_format_is_planned_when_told() -> None:
    model = nn.Linear(8, 8).to(torch.float16)
    with pytest.raises(InputError, match="weights="):
        plan_memory(model, "adamw")
    assert plan_memory(model, "adamw", weights="bf16").weights_bytes == 2 * 72


def test_a_rank_above_some_matrices_is_held_to_them() -> None:
    model = nn.Sequential(nn.Linear(4, 64, bias=False), nn.Linear(64, 64, bias=False))
    assert plan_memory(model, "apollo", rank=32).optimizer_low_rank_bytes == 4 * (2 * 64 * (4 + 32) + 4)
    with pytest.raises(InputError, match="1 to 64"):
        plan_memory(model, "apollo", rank=65)


def test_plan_as_a_user_types_it(cli: Cli) -> None:
    arguments = ("pretrain", "plan", "llama-7b", "--optimizer", "q-apollo-mini", "--weights", "int8", "--layerwise")
    found = cli(*arguments, "--batch", "1", "--tokens", "256", "--json")
    assert found.returncode == 0, found.stderr
    table = json.loads(found.stdout)
    parts = [table[f"{name}_bytes"] for name in ("weights", "gradients", "optimizer", "activations")]
    assert table["total_bytes"] == sum(parts) < 12e9
    assert 0 < table["optimizer_low_rank_bytes"] < table["optimizer_bytes"]


@pytest.mark.parametrize("optimizer", ["apollo-mini", "adamv"])
def test_plan_shows_cards_or_what_was_meant(optimizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["pretrain", "plan", "llama-7b", "--optimizer", optimizer, "--layerwise"])
    shown = capsys.readouterr()
    if optimizer == "adamv":
        assert (left.value.code, shown.out) == (2, "")
        assert "did you mean 'adamw'" in shown.err
    else:
        assert left.value.code == 0
        assert "2n + 2" in shown.out and "24 GB yes" in shown.out
