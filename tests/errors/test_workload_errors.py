"""Networks that cannot be priced: every mistake at once, and what to do about it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightloop.errors import InputError
from lightloop.workload import workload

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}


def configured(folder: Path, **changes: Any) -> Path:
    path = folder / "config.json"
    kept = {key: value for key, value in (LLAMA | changes).items() if value != "absent"}
    path.write_text(json.dumps(kept))
    return path


@pytest.mark.parametrize(
    ("name", "asked", "wanted"),
    [
        ("deit-tiny", {"phase": "decode", "context": 9}, ["2 mistakes", "has no phases", "no key-value cache"]),
        ("linear:4x4", {"phase": "prefill", "batch": 0}, ["2 mistakes", "batch must be", "has no phases"]),
        ("linear:0x0", {"tokens": 0}, ["3 mistakes", "IN must be", "OUT must be", "tokens must be"]),
        ("gpt2", {"phase": "train"}, ["phase 'train' is unknown", "prefill, decode"]),
        ("gpt2", {"context": 100}, ["context is for phase='decode'", "tokens"]),
        ("gpt2", {"tokens": 0, "batch": -1}, ["2 mistakes", "tokens must be", "batch must be"]),
        ("gpt2", {"batch": 1.5}, ["whole number", "1.5"]),
        ("gpt2", {"tokens": 1025}, ["1024 learned positions", "1025"]),
        ("gpt2", {"phase": "decode", "context": 2000}, ["1024 learned positions"]),
        ("gpt2", {"phase": "decode", "context": 3, "tokens": 4}, ["4 tokens do not fit in context 3"]),
        ("gpt2", {"phase": "decode", "context": 0}, ["context must be"]),
        ("lama-7b", {}, ["unknown workload", "did you mean 'llama-7b'"]),
        ("resnet", {}, ["config.json", ".onnx", "linear:INxOUT"]),
        ("gpt2", {"sizes": {"batch": 1}}, [".onnx", "--size"]),
        ("", {}, ["needs a name", "gpt2", "config.json", ".onnx"]),
    ],
)
def test_what_cannot_be_asked_of_a_network(name: str, asked: dict[str, Any], wanted: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        workload(name, **asked)
    assert all(part in str(caught.value) for part in wanted), caught.value
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"hidden_size": "absent", "vocab_size": 0, "num_hidden_layers": "two"},
         ["3 mistakes", "hidden_size is missing", "vocab_size must be", "num_hidden_layers must be"]),
        ({"num_attention_heads": 5}, ["hidden_size = 64 must be a multiple of num_attention_heads = 5"]),
        ({"num_key_value_heads": 3}, ["num_attention_heads = 4 must be a multiple of num_key_value_heads = 3"]),
        ({"num_key_value_heads": 3, "intermediate_size": -1}, ["2 mistakes"]),
        ({"attention_bias": "yes", "tie_word_embeddings": 1}, ["attention_bias must be true or false",
                                                               "tie_word_embeddings must be true or false"]),
        ({"model_type": "lama"}, ["did you mean 'llama'", "mixtral"]),
        ({"model_type": "deepseek_v3"}, ["MLA", "workload_from_torch"]),
        ({"model_type": "absent"}, ["no model_type"]),
        ({"architectures": ["LlamaForSequenceClassification"]}, ["LlamaForSequenceClassification", "ForCausalLM"]),
        ({"model_type": "mistral", "sliding_window": 8, "layer_types": ["sliding_attention"]}, ["each of 2 layers"]),
        ({"layer_types": ["full_attention", "linear_attention"]}, ["linear_attention unknown"]),
        ({"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 5},
         ["num_experts_per_tok = 5 must be at least 1 and at most num_local_experts = 4"]),
        ({"model_type": "mixtral", "vocab_size": "absent"},
         ["num_local_experts is missing", "num_experts_per_tok is missing", "vocab_size is missing"]),
        ({"model_type": "phi3", "partial_rotary_factor": 1.5}, ["from 0 to 1"]),
        ({"model_type": "vit", "image_size": 8, "patch_size": 16}, ["patch_size = 16 must be at most image_size = 8"]),
        ({"model_type": "vit", "num_attention_heads": 5}, ["image_size is missing", "patch_size is missing",
                                                           "must be a multiple"]),
    ],
)  # fmt: skip
def test_all_mistakes_of_a_configuration_at_once(changes: dict[str, Any], wanted: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        workload(configured(tmp_path, **changes))
    assert all(part in str(caught.value) for part in wanted), caught.value


@pytest.mark.parametrize(("text", "wanted"), [("{", "as JSON"), ("[]", "must hold a table"), ("\x00", "as JSON")])
def test_a_file_that_is_no_configuration(text: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError, match=wanted):
        workload(path)


def test_a_missing_file_and_an_empty_folder(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "config.json", tmp_path / "net.onnx"):
        with pytest.raises(InputError, match="not found"):
            workload(place)


def test_a_file_of_another_kind_is_told_what_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"")
    with pytest.raises(InputError) as caught:
        workload(path)
    assert all(part in str(caught.value) for part in (str(path), ".onnx", "config.json", "workload_from_torch"))
    with pytest.raises(InputError, match="is a folder") as caught:
        workload(tmp_path)
    assert "config.json was not found in it" in str(caught.value)


def test_only_learned_positions_bound_the_length(tmp_path: Path) -> None:
    """Rotary positions go on beyond the length a model was trained for; a table of them ends."""
    path = configured(tmp_path)
    assert workload(path, tokens=1000).tokens == 1000
    assert workload(path, phase="decode", context=1000).context == 1000
    sizes = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
    path = configured(tmp_path, model_type="gpt2", **sizes)
    for asked in ({"tokens": 65}, {"phase": "decode", "context": 65}):
        with pytest.raises(InputError, match="64 learned positions"):
            workload(path, **asked)  # type: ignore[arg-type]


def test_an_image_has_as_many_tokens_as_patches(tmp_path: Path) -> None:
    path = configured(tmp_path, model_type="vit", image_size=32, patch_size=8)
    assert workload(path).tokens == 17
    with pytest.raises(InputError, match="17 tokens"):
        workload(path, tokens=20)


def test_the_command_line_exits_with_2(cli: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    path = configured(tmp_path, num_key_value_heads=3, vocab_size=0)
    done = cli("accelerator", "run", "lt-base", str(path))
    assert done.returncode == 2
    assert "2 mistakes" in done.stderr
    assert "Traceback" not in done.stderr
