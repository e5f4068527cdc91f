"""A configuration read as JSON gives the parameters and products that Hugging Face's own model has when traced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lightloop.workload import workload, workload_from_torch

transformers = pytest.importorskip("transformers")

TOKENS, BATCH = 12, 2
GROUPED: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "intermediate_size": 48,
    "vocab_size": 61,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
}
EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 20}
CLASSIC = {key: value for key, value in GROUPED.items() if key not in {"num_key_value_heads", "head_dim"}}
IMAGES: dict[str, Any] = {"image_size": 32, "patch_size": 8, "hidden_size": 32, "num_hidden_layers": 2,
                          "num_attention_heads": 4, "intermediate_size": 64}  # fmt: skip

CAUSAL: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", GROUPED),
    "llama with biases": ("LlamaForCausalLM", GROUPED | {"attention_bias": True, "mlp_bias": True}),
    "llama tied": ("LlamaForCausalLM", GROUPED | {"tie_word_embeddings": True}),
    "mistral": ("MistralForCausalLM", GROUPED | {"sliding_window": 5}),
    "qwen2": ("Qwen2ForCausalLM", {k: v for k, v in GROUPED.items() if k != "head_dim"}),
    "qwen3": ("Qwen3ForCausalLM", GROUPED),
    "gemma": ("GemmaForCausalLM", GROUPED),
    "gemma2": ("Gemma2ForCausalLM", GROUPED | {"sliding_window": 5}),
    "gemma3": ("Gemma3ForCausalLM", GROUPED | {"sliding_window": 5}),
    "phi3": ("Phi3ForCausalLM", {k: v for k, v in GROUPED.items() if k != "head_dim"}),
    "gpt2": ("GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 32, "vocab_size": 61}),
    "gpt_neox": ("GPTNeoXForCausalLM", CLASSIC),
    "opt": ("OPTForCausalLM", CLASSIC | {"ffn_dim": 48}),
    "opt, projected": ("OPTForCausalLM", CLASSIC | {"ffn_dim": 48, "word_embed_proj_dim": 16,
                                                     "do_layer_norm_before": False}),
    "falcon-7b": ("FalconForCausalLM", CLASSIC | {"multi_query": True, "parallel_attn": True}),
    "falcon-40b": ("FalconForCausalLM", CLASSIC | {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon-rw": ("FalconForCausalLM", CLASSIC | {"multi_query": False, "parallel_attn": False, "bias": True,
                                                   "alibi": True}),
    "mixtral": ("MixtralForCausalLM", GROUPED | {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen2_moe": ("Qwen2MoeForCausalLM", {k: v for k, v in GROUPED.items() if k != "head_dim"} | EXPERTS
                  | {"shared_expert_intermediate_size": 24, "mlp_only_layers": [1]}),
    "qwen3_moe": ("Qwen3MoeForCausalLM", GROUPED | EXPERTS | {"decoder_sparse_step": 2}),
    "olmoe": ("OlmoeForCausalLM", {k: v for k, v in GROUPED.items() if k != "head_dim"}
              | {"num_experts": 4, "num_experts_per_tok": 2}),
}  # fmt: skip

ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertModel", CLASSIC),
    "bert, words": ("BertForMaskedLM", CLASSIC),
    "bert, classes": ("BertForSequenceClassification", CLASSIC | {"num_labels": 5}),
    "roberta": ("RobertaModel", CLASSIC | {"max_position_embeddings": 34}),
    "roberta, classes": ("RobertaForSequenceClassification", CLASSIC | {"max_position_embeddings": 34}),
    "distilbert": ("DistilBertForSequenceClassification", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48,
                                                            "vocab_size": 61, "max_position_embeddings": 32}),
    "vit": ("ViTForImageClassification", IMAGES | {"num_labels": 7}),
    "vit, pooled": ("ViTModel", IMAGES),
    "deit": ("DeiTForImageClassification", IMAGES | {"num_labels": 7}),
    "deit, two heads": ("DeiTForImageClassificationWithTeacher", IMAGES | {"num_labels": 7}),
}  # fmt: skip


def built(name: str, sizes: dict[str, Any], folder: Path, **more: Any) -> torch.nn.Module:
    """Hugging Face's model on the meta device; its configuration goes into `folder`."""
    kind = getattr(transformers, name)
    config = kind.config_class(**sizes)
    config.architectures = [name]
    config.save_pretrained(folder)
    config.use_cache = False
    with torch.device("meta"):
        return kind._from_config(config, **more)


@pytest.mark.parametrize("case", CAUSAL)
def test_a_causal_language_model_counts_as_its_configuration_says(case: str, tmp_path: Path) -> None:
    name, sizes = CAUSAL[case]
    model = built(name, sizes, tmp_path, attn_implementation="eager")
    ours = workload(tmp_path, tokens=TOKENS, batch=BATCH)
    assert ours.parameters == sum(parameter.numel() for parameter in model.parameters())
    words = torch.zeros(BATCH, TOKENS, dtype=torch.long)
    traced = workload_from_torch(model, {"input_ids": words})
    assert ours.macs == sum(product.macs for product in traced.products if is_of_the_network(product.name))
    assert ours.vector_work.softmax == traced.vector_work.softmax
    assert ours.vector_work.activation == traced.vector_work.activation
    assert ours.phase == "prefill"


def is_of_the_network(name: str) -> bool:
    """Rotary angles are an outer product of positions and frequencies there; a machine keeps them in a table."""
    return "rotary_emb" not in name


@pytest.mark.parametrize("case", ENCODERS)
def test_an_encoder_counts_as_its_configuration_says(case: str, tmp_path: Path) -> None:
    name, sizes = ENCODERS[case]
    model = built(name, sizes, tmp_path, attn_implementation="eager")
    vision = "image_size" in sizes
    ours = workload(tmp_path, tokens=None if vision else TOKENS, batch=BATCH)
    assert ours.parameters == sum(parameter.numel() for parameter in model.parameters())
    inputs = (
        {"pixel_values": torch.zeros(BATCH, 3, 32, 32)}
        if vision
        else {"input_ids": torch.zeros(BATCH, TOKENS, dtype=torch.long)}
    )
    assert ours.macs == workload_from_torch(model, inputs).macs


@pytest.mark.parametrize(
    ("preset", "name", "sizes", "tokens"),
    [
        ("gpt2", "GPT2LMHeadModel", {}, 1024),
        ("llama-7b", "LlamaForCausalLM", {}, 2048),
        ("llama-3-8b", "LlamaForCausalLM", {"vocab_size": 128256, "num_key_value_heads": 8,
                                            "intermediate_size": 14336}, 2048),
    ],
)  # fmt: skip
def test_published_decoders_count_as_their_closed_form(
    preset: str, name: str, sizes: dict[str, Any], tokens: int, tmp_path: Path
) -> None:
    model = built(name, sizes, tmp_path, attn_implementation="sdpa")
    traced = workload_from_torch(model, {"input_ids": torch.zeros(1, tokens, dtype=torch.long)})
    ours = workload(preset, tokens=tokens)
    assert ours.parameters == traced.parameters == workload(tmp_path, tokens=tokens).parameters
    assert ours.macs == workload(tmp_path, tokens=tokens).macs
    assert traced.macs == pytest.approx(ours.macs, rel=ROTARY_TABLE)
    assert ours.macs == sum(product.macs for product in traced.products if is_of_the_network(product.name))


ROTARY_TABLE = 1e-6  # the outer product of positions and frequencies, which the closed form does not count


def test_the_language_model_within_an_image_model_is_read_with_its_defaults(tmp_path: Path) -> None:
    """Gemma 3 4B states four sizes of its language model; the rest are defaults of the class."""
    stated = {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    config = {"model_type": "gemma3", "text_config": stated | {"model_type": "gemma3_text"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    theirs = transformers.Gemma3TextConfig(**stated)
    with torch.device("meta"):
        model = transformers.Gemma3ForCausalLM._from_config(theirs)
    ours = workload(tmp_path, phase="decode", context=8192)
    assert ours.parameters == sum(parameter.numel() for parameter in model.parameters())
    full = sum(kind == "full_attention" for kind in theirs.layer_types)
    held = full * 8192 + (34 - full) * 1024
    assert ours.cache_elements == 2 * theirs.num_key_value_heads * theirs.head_dim * held
