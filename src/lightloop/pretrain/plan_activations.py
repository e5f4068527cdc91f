"""What backward needs of forward through our decoder, in closed form.

With T = batch · tokens positions, t tokens in a sequence, width h, gated width f, n heads of width d, L blocks,
V words, and e bytes for each number:

    norm    e T h + 8 T h + 4 T                            its output, x and x/rms(x) in float32, 1/rms(x)
            2 e T h + 4 T                                  fused, as torch has it on CUDA: no x/rms(x)
    block   2 norms + e T (5 h + 4 f) + 4 T n              attention that keeps no scores
            2 norms + e T (4 h + 4 f) + e n T t            attention that keeps softmax(q kᵀ)
    head    1 norm + 4 T V + 8 T + 4                       ln p of each word in float32, targets, their number
    input   8 T + e t d                                    tokens, cosines and sines

A block keeps q, k, v, their mixture and the input of the projection after it (5 h, or 4 h with scores), and gate,
silu(gate), up and their product (4 f); beside them in float32 a sum for each head.
"""

from __future__ import annotations

from dataclasses import dataclass

from lightloop.pretrain.plan_options import PlanOptions
from lightloop.pretrain.shapes import ModelShape

FLOAT32_BYTES = 4
INT64_BYTES = 8


@dataclass(frozen=True)
class Activations:
    """Bytes that backward needs of forward.

    Attributes:
        saved_bytes: Saved tensors at the largest.
        forward_bytes: Saved tensors at the end of forward; less if a block that is computed again has more than the
            head.
        block_bytes: Those of one block.
        head_bytes: Those of last norm and loss.
        residual_bytes: One residual stream, e T h.
        logits_bytes: ln p of all words at all positions, in float32: 4 T V.
    """

    saved_bytes: int
    forward_bytes: int
    block_bytes: int
    head_bytes: int
    residual_bytes: int
    logits_bytes: int

    @property
    def loss_bytes(self) -> int:
        """Saved tensors and temporaries at the loss, which has the gradients of ln p and of the scores beside ln p."""
        return self.forward_bytes + 2 * self.logits_bytes

    @property
    def largest_bytes(self) -> int:
        """At the loss or, if blocks are computed again, in one of them."""
        return max(self.loss_bytes, self.saved_bytes)


def activations(shape: ModelShape, asked: PlanOptions, *, number_bytes: int, adapter_rank: int = 0) -> Activations:
    """Activations of one forward and backward pass.

    Args:
        shape: Sizes of the decoder.
        asked: Batch and tokens, and what attention, norms and checkpointing keep.
        number_bytes: e, 4 for float32 and 2 for bfloat16.
        adapter_rank: Width of the adapters beside each of the seven matrices of a block; 0 for none.
    """
    t, h, f, e = asked.tokens, shape.hidden, shape.intermediate, number_bytes
    positions = asked.batch * t
    residual = e * positions * h
    logits = FLOAT32_BYTES * positions * shape.vocab
    norm = residual + (residual if asked.fused_norm else 2 * FLOAT32_BYTES * positions * h) + FLOAT32_BYTES * positions
    of_attention = 4 * residual + e * shape.heads * positions * t
    if not asked.scores:
        of_attention = 5 * residual + FLOAT32_BYTES * positions * shape.heads
    block = 2 * norm + of_attention + 4 * e * positions * f + 7 * e * positions * adapter_rank
    head = norm + logits + INT64_BYTES * positions + FLOAT32_BYTES
    outside = INT64_BYTES * positions + e * t * (h // shape.heads)
    forward = saved = shape.layers * block + head + outside
    if asked.checkpointing:
        shared = residual if asked.fused_norm or e == FLOAT32_BYTES else 0  # the first norm keeps the input itself
        inputs = shape.layers * residual + outside
        forward, saved = inputs + head, inputs + max(head, block - shared)
    return Activations(saved, forward, block, head, residual, logits)
