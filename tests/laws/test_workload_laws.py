"""What holds for any decoder, however large: phases, caches, experts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightloop.workload import Workload, workload
from lightloop.workload.layers import expert_groups

DECODERS = ("gpt2", "llama-60m", "llama-7b", "llama-3-8b")


def weights(run: Workload) -> int:
    """Weights that a run touches."""
    return sum(p.m * p.k * p.heads * p.repeat for p in run.products if not p.dynamic)


@pytest.mark.parametrize("name", DECODERS)
def test_prefill_is_the_phase_of_a_decoder_unless_another_is_asked_for(name: str) -> None:
    assert workload(name) == workload(name, phase="prefill")
    assert workload(name).phase == "prefill"
    assert workload("deit-tiny").phase is None


@pytest.mark.parametrize("name", DECODERS)
def test_a_prompt_of_one_token_costs_what_its_decoding_costs(name: str) -> None:
    prefill, decode = workload(name, tokens=1), workload(name, phase="decode", context=1)
    assert prefill.macs == decode.macs
    assert prefill.vector_work == decode.vector_work
    assert prefill.cache_elements == decode.cache_elements


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("context", [2, 100, 256])
def test_decoding_every_token_fills_the_cache_that_prefill_writes(name: str, context: int) -> None:
    steps = [workload(name, phase="decode", context=length) for length in range(1, context + 1)]
    prefill = workload(name, tokens=context)
    assert sum(step.cache_written for step in steps) == prefill.cache_written == steps[-1].cache_elements
    static = sum(p.macs for step in steps for p in step.products if not p.dynamic)
    assert static == sum(p.macs for p in prefill.products if not p.dynamic)
    # One token after another sees half of the square that a dense machine computes, and the diagonal.
    dynamic = sum(p.macs for step in steps for p in step.products if p.dynamic)
    square = sum(p.macs for p in prefill.products if p.dynamic)
    assert dynamic * 2 * context == square * (context + 1)


@pytest.mark.parametrize("name", DECODERS)
def test_a_batch_multiplies_the_cache_and_not_the_weights(name: str) -> None:
    one, many = (workload(name, phase="decode", context=100, batch=batch) for batch in (1, 64))
    assert many.cache_elements == 64 * one.cache_elements
    assert many.macs == 64 * one.macs
    assert weights(many) == weights(one)
    assert many.tokens == 64


def test_heads_that_share_keys_read_each_of_them_once() -> None:
    decode = workload("llama-3-8b", phase="decode", context=512)
    scores, values = (p for p in decode.products if p.dynamic)
    assert (scores.m, scores.k, scores.n, scores.heads) == (512, 128, 4, 8)
    assert (values.m, values.k, values.n, values.heads) == (128, 512, 4, 8)
    assert (scores.cached, values.cached, values.nonnegative) == ("left", "left", "right")
    assert all(p.cached is None for p in workload("llama-3-8b", tokens=512).products)


def test_several_new_tokens_at_once_share_the_cache() -> None:
    one = workload("llama-7b", phase="decode", context=100)
    four = workload("llama-7b", phase="decode", context=100, tokens=4)
    assert four.macs == 4 * one.macs
    assert four.cache_elements == one.cache_elements
    assert four.cache_written == 4 * one.cache_written


def test_weights_of_a_dense_decoder_are_its_parameters_without_tables_and_norms() -> None:
    model = workload("llama-7b")
    assert model.parameters is not None
    assert model.parameters - weights(model) == 32000 * 4096 + (2 * 32 + 1) * 4096


@given(experts=st.integers(1, 300), slots=st.integers(1, 5000))
def test_tokens_are_spread_over_experts_and_none_is_lost(experts: int, slots: int) -> None:
    groups = expert_groups(experts, slots)
    assert sum(count * each for _, count, each in groups) == slots
    assert sum(count for _, count, _ in groups) == min(experts, slots)
    assert max(each for *_, each in groups) - min(each for *_, each in groups) <= 1
    assert len({end for end, *_ in groups}) == len(groups)


MIXTRAL: dict[str, Any] = {
    "model_type": "mixtral",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 32000,
    "max_position_embeddings": 32768,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
}


def of(config: dict[str, Any], folder: Path, **asked: Any) -> Workload:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return workload(path, **asked)


def test_one_token_touches_two_of_eight_experts_and_many_touch_all(tmp_path: Path) -> None:
    """Mixtral 8x7B: 46.7 B parameters, 12.9 B of them active (arXiv 2401.04088)."""
    one = of(MIXTRAL, tmp_path, phase="decode", context=10)
    assert one.parameters == 46_702_792_704
    expert = 3 * 4096 * 14336
    experts = [p for p in one.products if p.kind == "experts"]
    assert sum(p.m * p.k * p.heads * p.repeat for p in experts) == 32 * 2 * expert
    assert (weights(one) + 32000 * 4096) / 1e9 == pytest.approx(12.9, abs=0.05)
    many = of(MIXTRAL, tmp_path, tokens=100)
    experts = [p for p in many.products if p.kind == "experts"]
    assert sum(p.m * p.k * p.heads * p.repeat for p in experts) == 32 * 8 * expert
    assert sum(p.macs for p in experts) == 32 * 100 * 2 * expert


def test_a_sliding_window_bounds_the_cache_and_what_decoding_reads(tmp_path: Path) -> None:
    """Mistral 7B: a window of 4096 in every layer; gemma-like: every other layer."""
    config = {k: v for k, v in MIXTRAL.items() if "expert" not in k} | {"model_type": "mistral", "sliding_window": 4096}
    short, long = (of(config, tmp_path, phase="decode", context=c) for c in (4096, 32768))
    assert long.cache_elements == short.cache_elements == 2 * 32 * 8 * 128 * 4096
    assert long.macs == short.macs
    types = ["sliding_attention", "full_attention"] * 16
    mixed = of(config | {"layer_types": types}, tmp_path, phase="decode", context=32768)
    assert mixed.cache_elements == 2 * 16 * 8 * 128 * (4096 + 32768)
    assert [p.m for p in mixed.products if p.name.startswith("attn.scores")] == [4096, 32768]


WINDOW = 16


def windowed(folder: Path, types: list[str], **asked: Any) -> Workload:
    config = {k: v for k, v in MIXTRAL.items() if "expert" not in k} | {"model_type": "mistral"}
    config |= {"sliding_window": WINDOW, "num_hidden_layers": len(types), "layer_types": types}
    return of(config, folder, **asked)


def cached_keys(run: Workload) -> int:
    """Numbers that attention reads as keys and values, cached before the run or by it."""
    return sum(p.heads * p.m * p.k * p.repeat for p in run.products if p.cached == "left")


@pytest.mark.parametrize("new", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW])
@pytest.mark.parametrize("older", [0, 3, WINDOW - 1, WINDOW, 100])
@pytest.mark.parametrize("types", [["sliding_attention"] * 2, ["sliding_attention", "full_attention"]])
def test_new_tokens_read_one_window_less_one_of_the_cache_however_many_they_are(
    new: int, older: int, types: list[str], tmp_path: Path
) -> None:
    run = windowed(tmp_path, types, phase="decode", context=older + new, tokens=new, batch=3)
    assert run.cache_elements == cached_keys(run)
    position = 2 * 3 * 8 * 128  # keys and values, sequences, heads, features
    read = sum(min(older, WINDOW - 1) if kind == "sliding_attention" else older for kind in types)
    assert run.cache_elements - run.cache_written == position * read


@pytest.mark.parametrize("asked", [{"tokens": 10}, {"tokens": 40, "batch": 2}, {"phase": "decode", "context": 50},
                                   {"phase": "decode", "context": 50, "tokens": 30, "batch": 2}])  # fmt: skip
@pytest.mark.parametrize("types", [["full_attention"] * 2, ["sliding_attention", "full_attention"]])
def test_what_goes_to_the_cache_is_the_output_of_some_projection(
    types: list[str], asked: dict[str, Any], tmp_path: Path
) -> None:
    run = windowed(tmp_path, types, **asked)
    assert sum(p.to_cache * p.repeat for p in run.products) == run.cache_written
    assert all(p.to_cache <= p.m * p.n * p.heads for p in run.products)


@pytest.mark.parametrize("asked", [{}, {"phase": "decode", "context": 50, "tokens": 4, "batch": 2}])
@pytest.mark.parametrize("name", DECODERS)
def test_keys_and_values_leave_their_projections_for_the_cache(name: str, asked: dict[str, Any]) -> None:
    run = workload(name, **asked)
    assert sum(p.to_cache * p.repeat for p in run.products) == run.cache_written > 0
    assert {p.name for p in run.products if p.to_cache} == ({"qkv"} if name == "gpt2" else {"k", "v"})


def test_an_encoder_keeps_no_cache(tmp_path: Path) -> None:
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    bert = of(sizes | {"model_type": "bert", "vocab_size": 100, "max_position_embeddings": 64}, tmp_path)
    for run in (bert, workload("bert-base"), workload("deit-tiny")):
        assert (run.cache_written, run.cache_elements, sum(p.to_cache for p in run.products)) == (0, 0, 0)


def test_spreading_tokens_touches_more_experts_than_chance() -> None:
    """4 tokens, 2 of 8 experts each: 8 (1 - (6/8)^4) = 5.5 on average if each chooses at random."""
    touched = sum(count for _, count, _ in expert_groups(8, 4 * 2))
    assert touched == 8 > 8 * (1 - (6 / 8) ** 4) == pytest.approx(5.47, abs=0.01)


def test_llama_3_8b_reads_the_same_from_its_configuration(tmp_path: Path) -> None:
    config = {k: v for k, v in MIXTRAL.items() if "expert" not in k}
    config |= {"model_type": "llama", "vocab_size": 128256, "max_position_embeddings": 8192}
    read, preset = of(config, tmp_path, phase="decode"), workload("llama-3-8b", phase="decode")
    assert read.products == preset.products
    assert read.vector_work == preset.vector_work
    assert (read.parameters, read.cache_elements) == (preset.parameters, preset.cache_elements)
