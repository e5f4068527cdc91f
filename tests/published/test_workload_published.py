"""Sizes and operation counts that papers and model cards state."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightloop.workload import workload, workload_from_torch


def sized(kind: str, width: int, depth: int, heads: int, inner: int, vocab: int | None, **more: Any) -> dict[str, Any]:
    """A Hugging Face configuration."""
    return {
        "model_type": kind,
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocab,
        "max_position_embeddings": 2048,
    } | more


PATCHES = {"image_size": 224, "patch_size": 16, "num_labels": 1000}
# Sizes from the configuration that is published with each model, and its count of parameters.
MODELS: dict[str, tuple[dict[str, Any], int]] = {
    "Qwen2 0.5B": (sized("qwen2", 896, 24, 14, 4864, 151936, num_key_value_heads=2, tie_word_embeddings=True),
                   494_032_768),
    "Qwen3 8B": (sized("qwen3", 4096, 36, 32, 12288, 151936, num_key_value_heads=8, head_dim=128), 8_190_735_360),
    "Qwen3 30B-A3B": (sized("qwen3_moe", 2048, 48, 32, 6144, 151936, num_key_value_heads=4, head_dim=128,
                            num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768), 30_532_122_624),
    "Qwen1.5 MoE A2.7B": (sized("qwen2_moe", 2048, 24, 16, 5632, 151936, num_experts=60, num_experts_per_tok=4,
                                moe_intermediate_size=1408, shared_expert_intermediate_size=5632), 14_315_784_192),
    "OLMoE 1B-7B": (sized("olmoe", 2048, 16, 16, 1024, 50304, num_experts=64, num_experts_per_tok=8), 6_919_161_856),
    "Gemma 7B": (sized("gemma", 3072, 28, 16, 24576, 256000, head_dim=256), 8_537_680_896),
    "Gemma 2 2B": (sized("gemma2", 2304, 26, 8, 9216, 256000, num_key_value_heads=4, head_dim=256), 2_614_341_888),
    "Gemma 3 1B": (sized("gemma3_text", 1152, 26, 4, 6912, 262144, num_key_value_heads=1, head_dim=256), 999_885_952),
    "Mistral 7B": (sized("mistral", 4096, 32, 32, 14336, 32000, num_key_value_heads=8), 7_241_732_096),
    "Phi-3 mini": (sized("phi3", 3072, 32, 32, 8192, 32064), 3_821_079_552),
    "Pythia 160M": (sized("gpt_neox", 768, 12, 12, 3072, 50304), 162_322_944),
    "OPT 125M": (sized("opt", 768, 12, 12, 0, 50272, ffn_dim=3072), 125_239_296),
    "OPT 350M": (sized("opt", 1024, 24, 16, 0, 50272, ffn_dim=4096, word_embed_proj_dim=512,
                       do_layer_norm_before=False), 331_196_416),
    "Falcon 7B": (sized("falcon", 4544, 32, 71, 0, 65024, multi_query=True), 6_921_720_704),
    "RoBERTa base": (sized("roberta", 768, 12, 12, 3072, 50265, max_position_embeddings=514, type_vocab_size=1),
                     124_645_632),
    "ViT base": (sized("vit", 768, 12, 12, 3072, None, architectures=["ViTForImageClassification"]) | PATCHES,
                 86_567_656),
    "DeiT base distilled": (sized("deit", 768, 12, 12, 3072, None,
                                  architectures=["DeiTForImageClassificationWithTeacher"]) | PATCHES, 87_338_192),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_configurations_have_the_parameters_of_their_model_cards(name: str, tmp_path: Path) -> None:
    config, parameters = MODELS[name]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    assert workload(path).parameters == parameters


FOUR_DIGITS = 6e-5  # of a figure in 1e9, as published


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gpt2", 124_439_808),
        ("llama-7b", 6_738_415_616),
        ("llama-13b", 13_015_864_320),
        ("llama-3-8b", 8_030_261_248),
        ("deit-tiny", 5_717_416),
        ("deit-small", 22_050_664),
        ("deit-base", 86_567_656),
        ("bert-base", 109_482_240 + 2 * 769),  # encoder with pooler, and a head of two classes
    ],
)
def test_published_models_have_their_parameters(name: str, parameters: int) -> None:
    assert workload(name).parameters == parameters


@pytest.mark.parametrize(
    ("name", "millions"), [("llama-60m", 58), ("llama-130m", 134), ("llama-350m", 368), ("llama-1b", 1339)]
)
def test_galore_sizes_have_their_parameters(name: str, millions: int) -> None:
    """arXiv 2403.03507, rounded: 60 M, 130 M, 350 M, 1 B, as that paper's code builds them."""
    assert round(workload(name).parameters / 1e6) == millions


@pytest.mark.parametrize(
    ("name", "tokens", "gmac"),
    [
        ("deit-small", None, 4.5989),
        ("deit-base", None, 17.5638),
        ("bert-base", 128, 11.1736),
        ("bert-base", 384, 35.3328),
        ("bert-large", 320, 101.6699),
    ],
)
def test_encoders_have_their_multiplications(name: str, tokens: int | None, gmac: float) -> None:
    assert workload(name, tokens=tokens).macs / 1e9 == pytest.approx(gmac, abs=FOUR_DIGITS)


class BertLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.ffn1, self.ffn2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = self.norm1(x + self.proj(seen))
        return self.norm2(x + self.ffn2(F.gelu(self.ffn1(x))))


class Bert(nn.Module):
    def __init__(self, width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, width)
        self.layers = nn.ModuleList(BertLayer(width, heads) for _ in range(depth))
        self.head = nn.Linear(width, 2)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.words(words)
        for layer in self.layers:
            x = layer(x)
        return self.head(x[:, 0])


@pytest.mark.parametrize(
    ("preset", "width", "heads", "depth", "tokens"),
    [("bert-base", 768, 12, 12, 128), ("bert-base", 768, 12, 12, 384), ("bert-large", 1024, 16, 24, 320)],
)
def test_a_bert_in_plain_torch_has_the_products_of_the_preset(
    preset: str, width: int, heads: int, depth: int, tokens: int
) -> None:
    with torch.device("meta"):
        module = Bert(width, heads, depth)
    traced = workload_from_torch(module, torch.zeros(1, tokens, dtype=torch.long))
    assert traced.shapes() == workload(preset, tokens=tokens).shapes()


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        return (y + self.shortcut(x)).relu()


def resnet18() -> nn.Module:
    """He et al., CVPR 2016, table 1, 18 layers."""
    widths = (64, 64, 128, 256, 512)
    stages = [
        block
        for before, after in pairwise(widths)
        for block in (Residual(before, after, 1 if before == after else 2), Residual(after, after, 1))
    ]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def test_a_residual_network_of_18_layers_has_1_814_billion_multiplications() -> None:
    with torch.device("meta"):
        network = resnet18()
    traced = workload_from_torch(network, torch.zeros(1, 3, 224, 224))
    assert traced.macs / 1e9 == pytest.approx(1.814, abs=6e-4)
    assert traced.macs == 1_814_073_344
    kinds = {product.kind for product in traced.products}
    assert kinds == {"convolution", "linear"}
    assert {entry.operation for entry in traced.unpriced} == {"max_pool2d_with_indices", "mean"}
    assert sum(traced.unpriced_shares().values()) < 1e-3


@pytest.mark.parametrize("batch", [1, 64])
def test_the_cache_of_llama_3_8b_at_8192_tokens_and_8_bit_is_half_a_gibibyte_for_each_sequence(batch: int) -> None:
    """2 x 32 layers x 8 heads x 128 x 8192 bytes."""
    decode = workload("llama-3-8b", phase="decode", context=8192, batch=batch)
    assert decode.cache_elements == 536_870_912 * batch
    assert decode.cache_written == 2 * 32 * 8 * 128 * batch
    cached = [product for product in decode.products if product.cached]
    read = sum(p.m * p.k * p.heads * p.repeat for p in cached if p.cached == "left")
    assert read == decode.cache_elements
