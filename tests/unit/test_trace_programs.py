"""Exported programs trace as the modules they came from; what is no product is listed and not lost."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightloop.errors import InputError
from lightloop.workload import workload_from_torch


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj, self.drop = nn.Linear(width, 3 * width), nn.Linear(width, width), nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = self.drop((q @ k.transpose(-1, -2)).softmax(-1))
        return x + self.proj((scores @ v).transpose(1, 2).reshape(b, t, d))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 16)
        self.blocks = nn.ModuleList(Attention(16, 2) for _ in range(3))
        self.head = nn.Linear(16, 11)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.embed(words)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


WORDS = torch.zeros(2, 5, dtype=torch.long)


def test_an_exported_program_has_the_workload_of_its_module() -> None:
    module = Network()
    program = torch.export.export(module, (WORDS,))
    exported = workload_from_torch(program, name="net")
    assert exported == workload_from_torch(module, WORDS, name="net")
    assert exported.parameters == sum(parameter.numel() for parameter in module.parameters())


def test_open_sizes_are_all_listed_and_inputs_bind_them() -> None:
    module = Network()
    batch, length = torch.export.Dim("batch", min=2, max=64), torch.export.Dim("length", min=2, max=128)
    program = torch.export.export(module, (WORDS,), dynamic_shapes=({0: batch, 1: length},))
    with pytest.raises(InputError, match=r"words.shape\[0\].*2 to 64.*words.shape\[1\].*2 to 128") as caught:
        workload_from_torch(program)
    assert "example_inputs" in str(caught.value)
    longer = torch.zeros(3, 7, dtype=torch.long)
    assert workload_from_torch(program, longer, name="net") == workload_from_torch(module, longer, name="net")


def test_keyword_inputs_of_a_program() -> None:
    program = torch.export.export(Network(), (), kwargs={"words": WORDS})
    assert workload_from_torch(program).macs == workload_from_torch(Network(), WORDS).macs


def test_inputs_of_another_structure_are_refused() -> None:
    program = torch.export.export(Network(), (WORDS,))
    with pytest.raises(InputError, match="takes inputs"):
        workload_from_torch(program, (WORDS, WORDS))


def test_a_module_without_inputs_is_refused() -> None:
    with pytest.raises(InputError, match="example_inputs"):
        workload_from_torch(Network())


def test_kinds_tell_convolution_attention_and_linear_apart() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2), Attention(36, 2))
    traced = workload_from_torch(net, torch.zeros(1, 3, 8, 8))
    assert [product.kind for product in traced.products] == [
        "convolution", "linear", "attention", "attention", "linear"
    ]  # fmt: skip


def test_a_convolution_stores_each_pixel_once() -> None:
    (overlapping,) = workload_from_torch(nn.Conv2d(3, 8, 3, padding=1), torch.zeros(2, 3, 10, 10)).products
    assert overlapping.stored_right == 2 * 3 * 10 * 10
    (apart,) = workload_from_torch(nn.Conv2d(3, 8, 2, stride=2), torch.zeros(2, 3, 10, 10)).products
    assert apart.stored_right is None


class Rest(nn.Module):
    """Work that no product stands for, with the floating-point operations it should be given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 1), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.avg_pool2d(F.max_pool2d(self.conv(x), 2), 2)  # (1, 4, 4, 4) from (1, 4, 8, 8) from (1, 4, 16, 16)
        x = x.flatten(2).cumsum(-1).sort(-1).values + torch.fft.fft(x.flatten(2)).real
        return self.head(x)


def test_pooling_sorting_and_fourier_transforms_are_listed_with_their_operations() -> None:
    traced = workload_from_torch(Rest(), torch.zeros(1, 3, 16, 16))
    flops = {entry.operation: entry.flops for entry in traced.unpriced}
    assert flops["max_pool2d_with_indices"] == 4 * 8 * 8 * 4
    assert flops["avg_pool2d"] == 4 * 4 * 4 * 4
    assert flops["cumsum"] == 4 * 16
    assert flops["sort"] == 4 * 16 * 4
    fourier = sum(count for name, count in flops.items() if name.startswith("_fft"))
    assert fourier in {2.5 * 64 * 4, 5 * 64 * 4}  # one side real, or taken to be complex first
    assert traced.flops == 2 * traced.macs + traced.vector_work.elements + sum(flops.values())
    shares = traced.unpriced_shares()
    assert shares["cumsum"] == flops["cumsum"] / traced.flops


def test_a_weight_for_each_head_serves_the_whole_batch() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 8, 6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.weight  # (b, 4, t, 8) @ (4, 8, 6)

    (product,) = workload_from_torch(Heads(), torch.zeros(5, 4, 7, 8)).products
    assert (product.m, product.k, product.n, product.heads) == (6, 8, 5 * 7, 4)
    assert product.m * product.k * product.heads == 4 * 8 * 6


def test_keys_that_a_group_of_heads_shares_are_one_operand() -> None:
    class Grouped(nn.Module):
        def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
            b, h, t, d = k.shape
            return q @ k[:, :, None].expand(b, h, 4, t, d).reshape(b, 4 * h, t, d).transpose(-1, -2)

    (product,) = workload_from_torch(Grouped(), (torch.zeros(2, 8, 5, 16), torch.zeros(2, 2, 5, 16))).products
    assert (product.m, product.k, product.n, product.heads) == (4 * 5, 16, 5, 2 * 2)
    assert product.kind == "attention"


def test_rows_sorted_by_expert_touch_each_expert_once() -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 16, 32, dtype=torch.bfloat16))

        def forward(self, x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
            return torch._grouped_mm(x, self.weight, offs=ends)

    rows, ends = torch.zeros(10, 16, dtype=torch.bfloat16), torch.zeros(4, dtype=torch.int32)
    traced = workload_from_torch(Experts(), (rows, ends))
    assert [(p.m, p.k, p.n, p.heads, p.kind) for p in traced.products] == [
        (32, 16, 3, 2, "experts"),
        (32, 16, 2, 2, "experts"),
    ]
    assert traced.macs == 10 * 16 * 32


def test_a_foreign_operation_is_listed_and_one_that_multiplies_is_refused() -> None:
    library = torch.library.Library("lightloop_test", "FRAGMENT")
    for name in ("shuffle", "fused_linear"):
        library.define(f"{name}(Tensor x) -> Tensor")
        library.impl(name, lambda x: torch.empty_like(x), "Meta")

    class Foreign(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name, self.head = name, nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(getattr(torch.ops.lightloop_test, self.name)(x))

    traced = workload_from_torch(Foreign("shuffle"), torch.zeros(3, 8))
    assert [(entry.operation, entry.flops) for entry in traced.unpriced] == [("lightloop_test.shuffle", 24)]
    with pytest.raises(InputError, match="fused_linear"):
        workload_from_torch(Foreign("fused_linear"), torch.zeros(3, 8))


def test_columns_that_are_copies_are_no_shared_matrices() -> None:
    class Wide(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x @ y.expand(8, 4, 4).contiguous()

    (product,) = workload_from_torch(Wide(), (torch.zeros(8, 3, 4), torch.zeros(8, 4, 1))).products
    assert (product.m, product.k, product.n, product.heads) == (3, 4, 4, 8)
