"""Tracing finds the products that a network runs, in plain torch, whatever way they are written."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightloop.errors import InputError
from lightloop.workload import MatrixProduct, workload, workload_from_torch


class Block(nn.Module):
    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ffn1, self.ffn2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, v)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.proj(self.attend(q, k, v).transpose(1, 2).reshape(b, t, d))
        return x + self.ffn2(F.gelu(self.ffn1(self.norm2(x))))


class ByHand(Block):
    def attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        return scores.softmax(-1) @ v


class ByEinsum(Block):
    def attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        scores = torch.einsum("bhqd,bhkd->bhqk", q, k) * q.shape[-1] ** -0.5
        return torch.einsum("bhqk,bhkd->bhqd", scores.softmax(-1), v)


class ViT(nn.Module):
    def __init__(self, d: int, heads: int, depth: int = 12, block: type[Block] = Block) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, d, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, d))
        self.position = nn.Parameter(torch.zeros(1, 197, d))
        self.blocks = nn.ModuleList(block(d, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 1000)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


IMAGE = torch.zeros(1, 3, 224, 224)


def of(module: nn.Module, *inputs: torch.Tensor) -> tuple[MatrixProduct, ...]:
    return workload_from_torch(module, inputs).products


@pytest.mark.parametrize(
    ("preset", "d", "heads", "gmac"),
    [("deit-tiny", 192, 3, 1.2537), ("deit-small", 384, 6, 4.5989), ("deit-base", 768, 12, 17.5638)],
)
def test_a_vit_in_plain_torch_has_the_products_of_the_preset(preset: str, d: int, heads: int, gmac: float) -> None:
    with torch.device("meta"):
        vit = ViT(d, heads)
    traced = workload_from_torch(vit, IMAGE)
    assert traced.shapes() == workload(preset).shapes()
    assert traced.macs / 1e9 == pytest.approx(gmac, abs=6e-5)


@pytest.mark.parametrize("block", [ByHand, ByEinsum])
def test_attention_is_found_however_it_is_written(block: type[Block]) -> None:
    traced = workload_from_torch(ViT(192, 3, block=block), IMAGE)
    assert traced.shapes() == workload("deit-tiny").shapes()


def test_attention_probabilities_are_known_not_to_be_negative() -> None:
    dynamic = [product for product in of(ViT(192, 3), IMAGE) if product.dynamic]
    assert [(product.m, product.k, product.n, product.nonnegative) for product in dynamic] == [
        (197, 64, 197, None),
        (197, 197, 64, "left"),
    ]


def test_softmax_and_activation_work_is_that_of_the_preset() -> None:
    work, preset = workload_from_torch(ViT(192, 3), IMAGE).vector_work, workload("deit-tiny").vector_work
    assert work.softmax == preset.softmax * preset.repeat
    assert work.activation == preset.activation * preset.repeat


def test_a_convolution_is_the_product_of_its_kernels_with_the_patches() -> None:
    (product,) = of(nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), IMAGE)
    assert (product.m, product.k, product.n, product.heads) == (64, 147, 112 * 112, 1)
    (depthwise,) = of(nn.Conv2d(8, 8, 3, groups=8), torch.zeros(2, 8, 10, 10))
    assert (depthwise.m, depthwise.k, depthwise.n, depthwise.heads) == (1, 9, 2 * 8 * 8, 8)


def test_the_built_in_attention_layer_counts_each_weight_once() -> None:
    layer = nn.TransformerEncoderLayer(64, 4, batch_first=True)
    products = of(layer, torch.zeros(2, 10, 64))
    assert sum(product.macs for product in products) == 20 * (4 * 64 * 64 + 2 * 64 * 2048) + 2 * 8 * 10 * 10 * 16
    assert sum(product.dynamic for product in products) == 2


def test_a_relu_before_a_layer_makes_its_input_nonnegative() -> None:
    first, second = of(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)), torch.zeros(3, 8))
    assert first.nonnegative is None
    assert second.nonnegative == "right"
    assert not second.dynamic


def test_products_of_weights_with_weights_are_no_work() -> None:
    class Factored(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.zeros(32, 4)), nn.Parameter(torch.zeros(4, 16))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ (self.a @ self.b)

    (product,) = of(Factored(), torch.zeros(5, 32))
    assert (product.m, product.k, product.n, product.dynamic) == (16, 32, 5, False)


def test_tracing_computes_nothing_and_leaves_the_module_as_it_was() -> None:
    module = ViT(192, 3, depth=1).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    workload_from_torch(module, IMAGE)
    assert all(part.training for part in module.modules())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_recurrent_layers_are_counted_step_by_step() -> None:
    lstm = nn.LSTM(32, 64, batch_first=True)

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = lstm, nn.Linear(64, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.lstm(x)[0])

    traced = workload_from_torch(Last(), torch.zeros(2, 5, 32))
    assert not any(product.dynamic for product in traced.products)
    assert traced.macs == 2 * 5 * (4 * 64 * 32 + 4 * 64 * 64 + 64 * 8)
    assert traced.unpriced == ()


@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.LSTM(8, 16), (5, 2, 8), 5 * 2 * 4 * 16 * (8 + 16)),  # 15360
        (nn.GRU(8, 16), (5, 2, 8), 5 * 2 * 3 * 16 * (8 + 16)),
        (nn.RNN(8, 16, 2), (5, 2, 8), 5 * 2 * 16 * (8 + 16 + 16 + 16)),
        (nn.LSTMCell(8, 16), (2, 8), 2 * 4 * 16 * (8 + 16)),  # 3072
    ],
)
def test_the_state_that_a_recurrence_starts_from_is_multiplied_too(
    module: nn.Module, shape: tuple[int, ...], macs: int
) -> None:
    """A machine that is handed zeros does not know that they are zero."""
    traced = workload_from_torch(module, torch.zeros(shape))
    assert traced.macs == macs
    assert not any(product.dynamic for product in traced.products)


def test_steps_in_time_share_their_weight_and_layers_do_not() -> None:
    (inputs, states) = of(nn.LSTM(8, 16), torch.zeros(5, 2, 8))
    assert (inputs.repeat, inputs.weight_sets) == (1, None)
    assert (states.repeat, states.weight_sets) == (5, 1)
    deep = of(nn.LSTM(8, 16, 3, bidirectional=True), torch.zeros(5, 2, 8))
    assert [(p.k, p.repeat, p.weight_sets) for p in deep] == [(8, 2, None), (16, 30, 6), (32, 4, None)]
    stored = sum(p.m * p.k * (p.weight_sets or p.repeat) for p in deep)
    biases = 3 * 2 * 2 * 4 * 16
    assert stored + biases == sum(weight.numel() for weight in nn.LSTM(8, 16, 3, bidirectional=True).parameters())


def test_tied_layers_share_one_weight_even_if_each_casts_it_anew() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.other = nn.Parameter(torch.zeros(8, 8)), nn.Parameter(torch.zeros(8, 8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(3):
                x = x @ (self.weight.to(torch.bfloat16) * 0.5)
            return x @ (self.weight.to(torch.bfloat16) * 0.25) @ self.other.to(torch.bfloat16)

    (product,) = of(Tied(), torch.zeros(2, 8, dtype=torch.bfloat16))
    assert (product.repeat, product.weight_sets) == (5, 3)
    layer = nn.Linear(8, 8)
    tied, alone = of(nn.Sequential(layer, layer, nn.Linear(8, 8)), torch.zeros(2, 8))
    assert ((tied.repeat, tied.weight_sets), (alone.repeat, alone.weight_sets)) == ((2, 1), (1, None))
    blocks = [product for product in of(ViT(192, 3), IMAGE) if product.repeat == 12]
    assert blocks and all(product.weight_sets is None for product in blocks)


def test_zeros_that_weights_are_put_into_become_a_weight() -> None:
    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Parameter(torch.zeros(4, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            whole, mask = torch.zeros(8, 8), torch.zeros(8, 8)
            whole[:4, :4], whole[4:, 4:], mask[:4] = self.block, self.block, 1
            return x @ (whole * mask)

    (product,) = of(Blocks(), torch.zeros(2, 8))
    assert not product.dynamic


class Turned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 6, dtype=torch.complex64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.exp(x) @ self.weight


def test_a_complex_product_is_four_real_ones_of_two_real_weights() -> None:
    """(A + iB)(C + iD) = AC - BD + i(AD + BC)."""
    traced = workload_from_torch(Turned(), torch.zeros(3, 8, dtype=torch.complex64))
    (product,) = traced.products
    assert (product.m, product.k, product.n, product.repeat, product.weight_sets) == (6, 8, 3, 4, 2)
    assert product.name.endswith(".complex")
    assert product.nonnegative is None  # the exponential of a complex number has any sign
    assert traced.vector_work.add == 2 * 3 * 8
    assert (traced.parameters, traced.tokens) == (2 * 8 * 6, None)


def test_a_complex_inner_product_is_a_product() -> None:
    class Overlap(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.vdot(x, y)

    field = torch.zeros(7, dtype=torch.complex64)
    (product,) = of(Overlap(), field, field)
    assert (product.macs, product.dynamic) == (4 * 7, True)


def test_a_product_that_is_not_understood_is_refused_and_not_left_out() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.pair = nn.Linear(8, 8), nn.Bilinear(8, 8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.pair(self.first(x), x)

    with pytest.raises(InputError, match="_trilinear"):
        workload_from_torch(Mixed(), torch.zeros(3, 8))


def test_a_transposed_convolution_multiplies_pixels_with_taps() -> None:
    (product,) = of(nn.ConvTranspose2d(64, 3, 4, stride=2), torch.zeros(1, 64, 8, 8))
    assert (product.m, product.k, product.n) == (3 * 16, 64, 64)


def test_a_sign_does_not_outlive_what_is_written_over_it() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x.relu()
            return self.layer(y) + self.layer(y.sub_(1))

    positive, shifted = of(Shifted(), torch.zeros(3, 8))
    assert (positive.nonnegative, shifted.nonnegative) == ("right", None)


def test_tokens_are_whole_numbers_that_go_in() -> None:
    embedded = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 10))
    assert workload_from_torch(embedded, torch.zeros(2, 7, dtype=torch.long)).tokens == 14
    assert workload_from_torch(nn.Linear(8, 4), torch.zeros(2, 8)).tokens is None
    assert workload_from_torch(nn.Linear(8, 4), torch.zeros(2, 8), tokens=2).tokens == 2


@pytest.mark.parametrize("width", [8, 7])  # one that can be traced, one that cannot
def test_a_module_that_is_used_twice_keeps_its_weights(width: int) -> None:
    layer = nn.Linear(8, 8)
    twice = nn.Sequential(layer, layer)
    weight = layer.weight
    if width == 8:
        assert workload_from_torch(twice, torch.zeros(3, 8)).macs == 2 * 3 * 64
    else:
        with pytest.raises(InputError):
            workload_from_torch(twice, torch.zeros(3, 7))
    assert layer.weight is weight
    assert type(twice(torch.zeros(3, 8))) is torch.Tensor


def test_a_module_that_cannot_be_traced_is_told_once_and_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    logger = logging.getLogger("torch._subclasses.fake_tensor")
    assert not logger.disabled
    with pytest.raises(InputError, match="cannot be traced on inputs"):
        workload_from_torch(nn.Linear(3, 4), torch.zeros(2, 5))
    assert not logger.disabled
    assert capfd.readouterr().err == ""


def test_several_inputs_are_one_tuple() -> None:
    x = torch.zeros(2, 4, 4)

    class Product(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x @ y

    with pytest.raises(InputError, match=r"2 were given") as caught:
        workload_from_torch(Product(), x, x)
    assert "tuple" in str(caught.value)
    assert workload_from_torch(Product(), (x, x)).macs == 2 * 64
