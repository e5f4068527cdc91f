"""`convert`: every matrix product of any model goes to the core, and nothing else changes."""

from __future__ import annotations

import copy
import inspect
import io
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightloop.onn import PhotonicLinear, PhotonicMatmul, conversion_summary, convert
from lightloop.onn.einsum import einsum
from lightloop.optics import Noise

# The same sums in another order, in float32, through a few layers.
ROUNDING = 2e-5
IDEAL = {"bits": None, "dispersion": False}
WIDTH, HEADS, TOKENS = 24, 4, 10


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, 32), nn.GELU(), nn.Linear(32, 8, bias=False))


class VitBlock(nn.Module):
    """A block as papers' code writes it, with one of several ways to spell attention."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.register_buffer("mask", torch.rand(TOKENS, TOKENS, generator=torch.Generator().manual_seed(1)) > 0.3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = getattr(self, self.spelling)(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.proj(mixed)
        return x + self.mlp(self.norm2(x))

    def at(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1) @ v

    def bmm(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (item.flatten(0, 1) for item in (q, k, v))
        zero = q.new_zeros(1, 1, 1)
        scores = torch.baddbmm(zero, q, k.mT, alpha=1 / math.sqrt(q.shape[-1]))
        return torch.bmm(scores.softmax(-1), v).unflatten(0, (-1, HEADS))

    def einsum(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = torch.einsum("b h i d, b h j d -> b h i j", q, k) / math.sqrt(q.shape[-1])
        return torch.einsum("bhij,bhjd->bhid", scores.softmax(-1), v)

    def sdpa(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)

    def sdpa_causal(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def sdpa_bool_mask(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask, scale=0.3)

    def sdpa_float_mask(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=torch.where(self.mask, 0.0, -2.5))

    def sdpa_gqa(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k[:, :2], v[:, :2], enable_gqa=True)


SPELLINGS = ["at", "bmm", "einsum", "sdpa", "sdpa_causal", "sdpa_bool_mask", "sdpa_float_mask", "sdpa_gqa"]


def encoder_layer() -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)


MODELS = {
    "mlp": mlp,
    "encoder layer": encoder_layer,
    "encoder": lambda: nn.TransformerEncoder(encoder_layer(), 2, enable_nested_tensor=False),
    **{spelling: (lambda spelling=spelling: VitBlock(spelling)) for spelling in SPELLINGS},
}


@pytest.fixture
def x() -> Tensor:
    return torch.randn(3, TOKENS, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("grad", [False, True])
def test_ideal_hardware_computes_the_same(name: str, grad: bool, x: Tensor) -> None:
    model = MODELS[name]().eval()
    with torch.set_grad_enabled(grad):
        assert torch.allclose(convert(model, **IDEAL)(x), model(x), atol=ROUNDING)


@pytest.mark.parametrize("name", MODELS)
def test_real_hardware_computes_something_near(name: str, x: Tensor) -> None:
    """8 bits and the default noise: visibly not the model, and visibly its likeness."""
    model = MODELS[name]().eval()
    converted = convert(model, bits=8)
    with torch.no_grad():
        exact, clean = model(x), converted(x)
        with Noise().sample(seed=0):
            noisy = converted(x)
        assert torch.equal(clean, converted(x))
    assert 1e-4 < (clean - exact).norm() / exact.norm() < 0.03
    assert (clean - exact).norm() / exact.norm() < (noisy - exact).norm() / exact.norm() < 0.3


@pytest.mark.parametrize("name", [name for name in MODELS if name != "mlp"])
def test_attention_products_are_photonic(name: str, x: Tensor) -> None:
    """With digital linear layers, only the two products of attention are left to be noisy."""
    model = MODELS[name]().eval()
    linears = [key for key, module in model.named_modules() if isinstance(module, nn.Linear) and "self_attn" not in key]
    converted = convert(model, **IDEAL, exclude=linears)
    with torch.no_grad():
        exact = converted(x)
        with Noise(0, 0, 0.3).sample(seed=0):
            noisy = converted(x)
    assert (noisy - exact).norm() / exact.norm() > 1e-2
    assert sum(conversion_summary(converted).calls_photonic.values()) >= 1
    assert not conversion_summary(converted).calls_digital


def test_each_product_of_fused_attention_is_caught(x: Tensor) -> None:
    """Of an encoder layer in inference: packed projection, attention, output projection; the rest are layers."""
    converted = convert(encoder_layer().eval())
    with torch.inference_mode():
        converted(x)
    summary = conversion_summary(converted)
    assert summary.calls_photonic == {"linear": 2, "scaled_dot_product_attention": 1}
    assert summary.photonic == ("self_attn.out_proj", "linear1", "linear2")
    assert summary.functional == ("self_attn",)
    assert summary.digital == {}


@pytest.mark.parametrize("options", [{"need_weights": True}, {"need_weights": False}, {"average_attn_weights": False}])
@pytest.mark.parametrize("build", [{}, {"kdim": 12, "vdim": 12}, {"add_bias_kv": True, "add_zero_attn": True}])
def test_multihead_attention_keeps_its_masks_and_weights(build: dict, options: dict, x: Tensor) -> None:
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **build).eval()
    key = x[..., :12] if "kdim" in build else x
    padding = torch.zeros(3, TOKENS, dtype=torch.bool)
    padding[:, -2:] = True
    causal = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
    arguments = {"key_padding_mask": padding, "attn_mask": causal, **options}
    converted = convert(attention, **IDEAL)
    expected, found = attention(x, key, key, **arguments), converted(x, key, key, **arguments)
    assert torch.allclose(found[0], expected[0], atol=ROUNDING)
    assert (found[1] is None) == (expected[1] is None)
    assert expected[1] is None or torch.allclose(found[1], expected[1], atol=ROUNDING)


def test_a_query_that_sees_nothing_gets_zeros() -> None:
    class Attention(nn.Module):
        def forward(self, q: Tensor, mask: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(q, q, q, attn_mask=mask)

    q, mask = torch.randn(2, 5, 8), torch.ones(5, 5, dtype=torch.bool).tril(-1)
    expected = Attention()(q, mask)
    assert (expected[:, 0] == 0).all()
    assert torch.allclose(convert(Attention(), **IDEAL)(q, mask), expected, atol=ROUNDING)


class Products(nn.Module):
    """Products of one matrix with others, each spelt once."""

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> list[Tensor]:
        out = torch.empty(a.shape[0], b.shape[1])
        torch.mm(a, b, out=out)
        return [
            *(a.matmul(b), torch.matmul(a, other=b), torch.linalg.matmul(a, b), a.mm(b), a.__rmatmul__(b.mT[:3, :4])),
            *(torch.addmm(c, a, b, beta=0.5, alpha=2), c.addmm(a, b), F.linear(a, b.mT, c), a @ b[:, 0], out),
            *(
                torch.einsum("ik,kj->ji", a, b),
                torch.einsum("ik,kj->ij", [a, b]),
                torch.einsum("abi,ij->abj", a[None], b),
            ),
        ]


def test_every_spelling_of_a_product_is_caught() -> None:
    a, b, c = torch.randn(4, 6), torch.randn(6, 5), torch.randn(5)
    converted = convert(Products(), **IDEAL)
    expected = Products()(a, b, c)
    found = converted(a, b, c)
    for item, other in zip(found, expected, strict=True):
        assert torch.allclose(item, other, atol=ROUNDING)
    summary = conversion_summary(converted)
    assert summary.calls_digital == {}
    assert sum(summary.calls_photonic.values()) == len(expected)
    with Noise().sample(seed=0):
        noisy = converted(a, b, c)
    assert not any(torch.equal(item, other) for item, other in zip(found, noisy, strict=True))


class NoProducts(nn.Module):
    """What looks like a product and must stay exact: rotary angles (an outer product), indices, and plain sums."""

    def forward(self, x: Tensor) -> list[Tensor]:
        angles = torch.arange(4.0)[:, None] @ torch.arange(7.0)[None]
        indices = torch.arange(6).reshape(2, 3) @ torch.arange(3)
        return [angles, indices, torch.einsum("i,j->ij", x, x), torch.einsum("i,i->i", x, x)]


def test_what_is_no_dot_product_stays_exact() -> None:
    x = torch.randn(5)
    converted = convert(NoProducts(), bits=2)
    with Noise().sample(seed=0):
        found = converted(x)
    assert all(torch.equal(item, other) for item, other in zip(found, NoProducts()(x), strict=True))
    assert conversion_summary(converted).calls_digital == {"matmul": 2, "einsum": 2}


EINSUMS = {
    "ik,kj->ij": ((3, 4), (4, 5)),
    "bhid,bhjd->bhij": ((2, 3, 4, 5), (2, 3, 6, 5)),
    "bqhd,bkhd->bhqk": ((2, 4, 3, 5), (2, 6, 3, 5)),
    "...id,...jd->...ij": ((2, 3, 4, 5), (2, 3, 6, 5)),
    "...d,ed->...e": ((2, 3, 5), (7, 5)),
    "abcd,cde->eab": ((2, 3, 4, 5), (4, 5, 6)),
    "i,i->": ((4,), (4,)),
}


@pytest.mark.parametrize("equation", EINSUMS)
def test_einstein_sums_are_matrix_products(equation: str) -> None:
    a, b = (torch.randn(shape) for shape in EINSUMS[equation])
    found = einsum(torch.matmul, equation, a, b)
    assert torch.allclose(found, torch.einsum(equation, a, b), atol=ROUNDING)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ii,ij->j", ((3, 3), (3, 4))),
        ("ik,kj", ((3, 4), (4, 5))),
        ("ijk,kl->il", ((2, 3, 4), (4, 5))),
        ("ij,ij->ij", ((3, 4), (3, 4))),
        ("i,j->ij", ((3,), (4,))),
        ("bik,bkj->bij", ((1, 3, 4), (2, 4, 5))),
        ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 5))),
        ("ij->ji", ((2, 3),)),
        ("ijk,kl->ijl", ((3, 4), (4, 5))),
        ("ij,jk->ijx", ((3, 4), (4, 5))),
    ],
)
def test_other_einstein_sums_are_left_to_torch(equation: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    assert einsum(torch.matmul, equation, *(torch.randn(shape) for shape in shapes)) is NotImplemented


def test_the_original_is_untouched_and_names_stay(x: Tensor) -> None:
    model = VitBlock("sdpa").eval()
    before, state = model(x), copy.deepcopy(model.state_dict())
    converted = convert(model, bits=2)
    assert type(converted) is VitBlock
    assert list(converted.state_dict()) == list(state)
    assert not any(isinstance(module, PhotonicLinear) for module in model.modules())
    assert torch.equal(model(x), before)
    with torch.no_grad():
        converted.proj.weight.zero_()
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    converted.load_state_dict(state)


def test_tied_weights_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(11, 6), nn.Linear(6, 11, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.embed(tokens))

    converted = convert(Tied())
    assert isinstance(converted.head, PhotonicLinear)
    assert converted.head.weight is converted.embed.weight
    assert len(list(converted.parameters())) == 1


def test_shared_layers_hooks_and_flags_survive() -> None:
    layer = nn.Linear(6, 6)
    calls = []
    layer.register_forward_hook(lambda *arguments: calls.append(1))
    layer.weight.requires_grad_(False)
    converted = convert(nn.Sequential(layer, layer).eval())
    converted(torch.ones(2, 6))
    assert converted[0] is converted[1]
    assert len(calls) == 2
    assert not converted[0].weight.requires_grad
    assert not converted[0].training


def test_a_parametrised_layer_stays_what_it_is_and_is_caught() -> None:
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)))
    converted = convert(model, **IDEAL)
    assert torch.allclose(converted(torch.eye(6)), model(torch.eye(6)), atol=ROUNDING)
    assert conversion_summary(converted).calls_photonic == {"linear": 1}


@pytest.mark.parametrize("exclude", ["head", ["h*"], ("head", "body.0")])
def test_excluded_modules_stay_digital_with_all_that_is_in_them(exclude: object, x: Tensor) -> None:
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(VitBlock("sdpa"), VitBlock("at")))
    model.add_module("head", nn.Linear(WIDTH, 5))
    converted = convert(model.eval(), bits=2, exclude=exclude)
    summary = conversion_summary(converted)
    with torch.no_grad(), Noise().sample(seed=0):
        assert torch.allclose(converted.head(x), model.head(x))
        assert torch.allclose(converted.body[0](x), model.body[0](x)) == ("body.0" in exclude)
        assert not torch.allclose(converted.body[1](x), model.body[1](x))
        converted(x)
    calls = conversion_summary(converted).calls_photonic
    assert summary.digital["head"] == "excluded"
    assert ("body.0.qkv" in summary.digital) == ("body.0" in exclude)
    assert calls == ({"matmul": 2} if "body.0" in exclude else {"scaled_dot_product_attention": 1, "matmul": 2})


def test_the_summary_lists_what_is_left_digital(x: Tensor) -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.lstm = nn.Conv1d(TOKENS, TOKENS, 3, padding=1), nn.LSTM(WIDTH, WIDTH, batch_first=True)
            self.head = nn.Linear(WIDTH, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(self.conv(x))[0])

    converted = convert(Mixed())
    converted(x)
    summary = conversion_summary(converted)
    assert summary.photonic == ("head",)
    assert summary.digital == {"conv": "no photonic Conv1d yet", "lstm": "no photonic LSTM yet"}
    assert summary.calls_digital == {"conv1d": 1, "lstm": 1}
    assert "left digital: conv (no photonic Conv1d yet)" in str(summary)
    assert summary.to_dict()["photonic"] == ["head"]


def test_gradients_reach_every_parameter_under_noise(x: Tensor) -> None:
    converted = convert(VitBlock("sdpa_causal"), bits=4)
    with Noise().sample(seed=0):
        converted(x).square().mean().backward()
    assert all(torch.isfinite(item.grad).all() and item.grad.any() for item in converted.parameters())


def test_copies_of_a_converted_model_are_independent(x: Tensor) -> None:
    converted = convert(VitBlock("at").eval(), bits=4)
    twin = copy.deepcopy(converted)
    assert torch.equal(twin(x), converted(x))
    with torch.no_grad():
        twin.proj.weight.zero_()
        twin.proj.bias.zero_()
    assert not torch.equal(twin(x), converted(x))


def test_a_converted_model_can_be_pickled(x: Tensor) -> None:
    converted = convert(VitBlock("at").eval(), bits=4, exclude="proj")
    buffer = io.BytesIO()
    torch.save(converted, buffer)
    buffer.seek(0)
    assert torch.equal(torch.load(buffer, weights_only=False)(x), converted(x))


def test_the_signature_of_the_forward_is_kept() -> None:
    assert list(inspect.signature(convert(VitBlock("at")).forward).parameters) == ["x"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_products_are_digital_again_after_a_broken_forward(error: type[BaseException]) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise error

    x = torch.randn(4, 4)
    with pytest.raises(error):
        convert(Broken(), bits=2)(x)
    assert torch.equal(x @ x, torch.matmul(x, x))
    assert (x @ x).unique().numel() == 16


def test_models_within_models_are_converted_once(x: Tensor) -> None:
    """A converted model inside another: its products go to its own core, once."""
    inner = convert(VitBlock("at").eval(), **IDEAL)
    outer = convert(nn.Sequential(inner), bits=2)
    assert torch.allclose(outer(x), inner(x), atol=ROUNDING)


def test_products_outside_the_model_are_not_touched(x: Tensor) -> None:
    convert(VitBlock("at").eval(), bits=2)(x)
    assert torch.equal(x @ x.mT, torch.matmul(x, x.mT))


def test_a_layer_prints_its_core() -> None:
    assert "bits=4" in repr(PhotonicLinear(3, 3, bits=4))
    assert "bits=8" in repr(PhotonicMatmul())
