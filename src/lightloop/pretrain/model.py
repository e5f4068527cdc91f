"""A LLaMA-style decoder: RMSNorm, rotary positions, gated SiLU layers, no biases.

Touvron et al., arXiv 2302.13971.

Parameters bear the names of Hugging Face's LLaMA, so that `model.safetensors` and `config.json` load there,
and the matrices that low-rank optimizers project have `attn` or `mlp` in their names.

Shapes: b sequence, t position, c hidden, n head, d width of a head, e half of it, v token of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightloop.pretrain.shapes import INIT_STD, RMS_EPS, ROTARY_BASE, ModelShape

IGNORED = -100  # a target that no loss counts

# How the weights are held, by the precision of a run.
WEIGHT_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "bf16-mixed": torch.float32}


def build(shape: ModelShape, *, seed: int = 0, device: str | torch.device = "cpu") -> Decoder:
    """A decoder with weights from N(0, 0.02²) and norms of one, the same for the same seed on every device.

    Args:
        shape: Its sizes.
        seed: Seed of the weights.
        device: Where it shall live; on "meta" it has shapes and no values.
    """
    with torch.device("meta"):
        model = Decoder(shape)
    if torch.device(device).type == "meta":
        return model
    generator = torch.Generator().manual_seed(seed)
    weights = {name: _drawn(meta.shape, generator).to(device) for name, meta in model.named_parameters()}
    model.load_state_dict(weights, assign=True)
    return model


def _drawn(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Ones for a norm, N(0, 0.02²) for a matrix."""
    return torch.ones(shape) if len(shape) == 1 else torch.empty(shape).normal_(0.0, INIT_STD, generator=generator)


def next_token_loss(logits_btv: Tensor, targets_bt: Tensor, *, reduction: str = "mean") -> Tensor:
    """Cross entropy −ln p(target), in nats per token, in float32. Targets of `IGNORED` do not count.

    Args:
        logits_btv: Scores before the softmax, shape (batch, time, vocab).
        targets_bt: Token that follows each position, shape (batch, time).
        reduction: "mean" over the tokens, or their "sum".
    """
    return F.cross_entropy(
        logits_btv.flatten(0, -2).float(), targets_bt.flatten(), ignore_index=IGNORED, reduction=reduction
    )


def rotary_table(length: int, width: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """cos and sin of t·θ_e with θ_e = 10000^(−2e/d), each of shape (length, width / 2).

    Su et al., arXiv 2104.09864, equation 15.
    """
    e = torch.arange(width // 2, device=device, dtype=torch.float32)
    t = torch.arange(length, device=device, dtype=torch.float32)
    angle_te = torch.outer(t, ROTARY_BASE ** (-2.0 * e / width))
    return angle_te.cos(), angle_te.sin()


def rotate(x_bntd: Tensor, cos_te: Tensor, sin_te: Tensor) -> Tensor:
    """Turn the pair (x_e, x_{e+d/2}) at position t by the angle t·θ_e, in the precision of x."""
    cos_te, sin_te = cos_te.to(x_bntd.dtype), sin_te.to(x_bntd.dtype)
    first, second = x_bntd.chunk(2, dim=-1)
    return torch.cat((first * cos_te - second * sin_te, second * cos_te + first * sin_te), dim=-1)


class Attention(nn.Module):
    """Causal self-attention, softmax(q kᵀ / √d) v, with rotary positions in q and k."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)
        self.o_proj = nn.Linear(shape.hidden, shape.hidden, bias=False)

    def forward(self, x_btc: Tensor, cos_te: Tensor, sin_te: Tensor) -> Tensor:
        """Mix the positions of `x_btc`; position t sees positions 0..t."""
        q_bntd, k_bntd, v_bntd = (
            project(x_btc).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed_bntd = F.scaled_dot_product_attention(
            rotate(q_bntd, cos_te, sin_te), rotate(k_bntd, cos_te, sin_te), v_bntd, is_causal=True
        )
        return self.o_proj(mixed_bntd.transpose(1, 2).flatten(-2))


class GatedLayer(nn.Module):
    """SwiGLU (Shazeer, arXiv 2002.05202): down(silu(gate(x)) * up(x))."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.down_proj = nn.Linear(shape.intermediate, shape.hidden, bias=False)

    def forward(self, x_btc: Tensor) -> Tensor:
        """Each position by itself."""
        return self.down_proj(F.silu(self.gate_proj(x_btc)) * self.up_proj(x_btc))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.hidden, eps=RMS_EPS)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden, eps=RMS_EPS)
        self.mlp = GatedLayer(shape)

    def forward(self, x_btc: Tensor, cos_te: Tensor, sin_te: Tensor) -> Tensor:
        """One layer of the residual stream."""
        x_btc = x_btc + self.self_attn(self.input_layernorm(x_btc), cos_te, sin_te)
        return x_btc + self.mlp(self.post_attention_layernorm(x_btc))


class Trunk(nn.Module):
    """Embedding, blocks and last norm.

    Attributes:
        checkpointing: Keep only the input of each block for backward, which computes the blocks again (Chen et
            al., arXiv 1604.06174).
    """

    checkpointing = False

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.head_width = shape.hidden // shape.heads
        # Not nn.Embedding(...): its own draw of weights, on the meta device, loads the compiler for seconds.
        table_vc = torch.empty(shape.vocab, shape.hidden)
        self.embed_tokens = nn.Embedding.from_pretrained(table_vc, freeze=False)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden, eps=RMS_EPS)

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """The residual stream after all blocks, shape (batch, time, hidden)."""
        x_btc = self.embed_tokens(tokens_bt)
        table = rotary_table(tokens_bt.shape[-1], self.head_width, tokens_bt.device)
        cos_te, sin_te = (part_te.to(x_btc.dtype) for part_te in table)
        for layer in self.layers:
            run = _recomputed(layer) if self.checkpointing and torch.is_grad_enabled() else layer
            x_btc = run(x_btc, cos_te, sin_te)
        return self.norm(x_btc)


def _recomputed(layer: nn.Module) -> Callable[..., Tensor]:
    """`layer`, computed again in backward; there is no chance in a block, so no random state to keep for that."""
    from torch.utils.checkpoint import checkpoint

    return partial(checkpoint, layer, use_reentrant=False, preserve_rng_state=False)


class Decoder(nn.Module):
    """Tokens in, scores of the next token out. Make one with `build`, which also draws its weights.

    Attributes:
        shape: Its sizes.
    """

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        self.lm_head = nn.Linear(shape.hidden, shape.vocab, bias=False)

    def projected_matrices(self) -> list[Tensor]:
        """The matrices that low-rank optimizers project: those of attention and gated layers."""
        return [weight for weight in self.model.layers.parameters() if weight.ndim == 2]

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Logits of shape (batch, time, vocab) for tokens of shape (batch, time)."""
        return self.lm_head(self.model(tokens_bt))
