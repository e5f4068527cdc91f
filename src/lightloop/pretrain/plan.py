"""How much memory training one of our decoders takes, from its sizes alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lightloop.optim.plan.memory import DEFAULT_RANK, MemoryPlan, plan_tensors
from lightloop.optim.plan.states import STATE_FORMATS, PlannedTensor, state_rule
from lightloop.pretrain.plan_activations import Activations, activations
from lightloop.pretrain.plan_options import PlanOptions
from lightloop.pretrain.shapes import ModelShape, shape_of, usual_rank

PREFIX = "llama-"
# Sizes of common cards; a process keeps about this much of them for the driver and the libraries (assumed).
CARDS_GB = (24, 40, 80, 141)
RESERVED_BYTES = 10**9


@dataclass(frozen=True)
class TrainingPlan:
    """Bytes of training a decoder, by class.

    Attributes:
        model: Name of its size.
        parameters: Its numbers, without adapters.
        batch: Sequences in a step.
        tokens: Length of each.
        checkpointing: Whether blocks are computed again in backward.
        memory: Bytes by class, each at its own largest.
        activations: Parts of the activations.
        dequantised_bytes: The largest int8 matrix as bf16, one at a time, part of the activations; 0 otherwise.
        peak_bytes: Largest sum at any one time when gradients are freed after each step. Activations go as gradients
            come, so it is less than the total of the classes.
    """

    model: str
    parameters: int
    batch: int
    tokens: int
    checkpointing: bool
    memory: MemoryPlan
    activations: Activations
    dequantised_bytes: int
    peak_bytes: int

    @property
    def fits(self) -> dict[int, bool]:
        """Whether the total fits in a card of so many GB, with 1 GB left for driver and libraries."""
        return {size: self.memory.total_bytes + RESERVED_BYTES <= size * 10**9 for size in CARDS_GB}

    @property
    def reserved_gb(self) -> float:
        """What `fits` leaves of a card, in GB."""
        return RESERVED_BYTES / 1e9

    def rows(self) -> list[tuple[str, int, str]]:
        """Name, bytes and explanation of each class, for reading."""
        memory, rule = self.memory, state_rule(self.memory.optimizer)
        rest = (state_rule(rule.rest).states if rule.rest else None) or memory.states
        others = "" if rest == memory.states else f", those of embedding and head {rest}"
        plain = ", embedding and head bf16" if memory.weights == "int8" else ""
        rank = "" if memory.rank is None else f", r = {memory.rank}"
        again = ", blocks computed again" if self.checkpointing else ""
        sum_of = "each at its largest" + ("" if memory.layerwise else ", as when gradients accumulate over batches")
        return [
            ("weights", memory.weights_bytes, memory.weights + plain),
            ("gradients", memory.gradients_bytes, "the largest: layer-wise" if memory.layerwise else "all"),
            ("optimizer", memory.optimizer_bytes, memory.states + others),
            ("  of that, projected matrices", memory.optimizer_low_rank_bytes, f"{rule.formula} for each{rank}"),
            ("activations", memory.activations_bytes, f"saved for backward, and at the loss{again}"),
            ("total", memory.total_bytes, sum_of),
            ("peak", self.peak_bytes, "when gradients are freed after each step"),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Bytes by class and what they were reckoned for, as JSON can hold them."""
        return {
            "model": self.model,
            "parameters": self.parameters,
            "batch": self.batch,
            "tokens": self.tokens,
            "checkpointing": self.checkpointing,
            **self.memory.to_dict(),
            "activations_saved_bytes": self.activations.saved_bytes,
            "peak_bytes": self.peak_bytes,
            "fits_gb": [size for size, holds in self.fits.items() if holds],
        }


def plan_training(model: str | ModelShape, optimizer: str, **options: Any) -> TrainingPlan:
    """Plan the memory of training a decoder; nothing is allocated.

    Args:
        model: A name of `sizes()`, with or without "llama-", or a shape.
        optimizer: A name of `state_rules()`.
        **options: Those of `PlanOptions`.

    Returns:
        Bytes by class, and the peak.

    Raises:
        InputError: A name is unknown, a number is not positive, or formats or rank do not fit.
    """
    asked = PlanOptions(**options)
    shape = model if isinstance(model, ModelShape) else shape_of(model.removeprefix(PREFIX), vocab=asked.vocab)
    rule, rank = state_rule(optimizer), asked.rank
    if rank is None and rule.low_rank:
        rank = min(usual_rank(shape.hidden), DEFAULT_RANK)  # arXiv 2412.05270: a quarter of the width, 256 at 7B
    memory = plan_tensors(
        decoder_tensors(shape),
        optimizer,
        weights=asked.weights,
        states=asked.states,
        rest=asked.rest,
        rank=rank,
        layerwise=asked.layerwise,
    )
    number_bytes = STATE_FORMATS["bf16" if memory.weights == "int8" else memory.weights](1)
    adapter_rank = (rank or 0) if rule.adapters else 0
    parts = activations(shape, asked, number_bytes=number_bytes, adapter_rank=adapter_rank)
    dequantised = number_bytes * shape.hidden * shape.intermediate if memory.weights == "int8" else 0
    memory = replace(memory, activations_bytes=parts.largest_bytes + dequantised)
    return TrainingPlan(
        model=model if isinstance(model, str) else f"{shape.parameters / 1e6:.4g} M parameters",
        parameters=shape.parameters,
        batch=asked.batch,
        tokens=asked.tokens,
        checkpointing=asked.checkpointing,
        memory=memory,
        activations=parts,
        dequantised_bytes=dequantised,
        peak_bytes=_peak(memory, parts, shape, number_bytes, dequantised),
    )


def decoder_tensors(shape: ModelShape) -> list[PlannedTensor]:
    """The parameters of `Decoder`, those alike once with their number."""
    h, f, layers = shape.hidden, shape.intermediate, shape.layers
    return [
        PlannedTensor("embed_tokens", (shape.vocab, h), projected=False),
        PlannedTensor("q_proj, k_proj", (h, h), projected=True, blocks=shape.heads, count=2 * layers),
        PlannedTensor("v_proj, o_proj", (h, h), projected=True, count=2 * layers),
        PlannedTensor("gate_proj, up_proj", (f, h), projected=True, count=2 * layers),
        PlannedTensor("down_proj", (h, f), projected=True, count=layers),
        PlannedTensor("norms", (h,), projected=False, count=2 * layers + 1),
        PlannedTensor("lm_head", (shape.vocab, h), projected=False, last=True),
    ]


def _peak(memory: MemoryPlan, parts: Activations, shape: ModelShape, number_bytes: int, dequantised: int) -> int:
    """Bytes at the fullest of five moments of a step; between them the sum rises or falls evenly.

    At the loss; when the gradient of the head has come and ln p has gone; in the last block, if it is computed again
    and has more than the head; in the first block, with the gradients of the blocks above it, of its own last matrix,
    of the gate and of what the gate multiplies; at the end, when all gradients are there and that of the embedding
    has just been made from the gradient of its output.
    """
    h, f = shape.hidden, shape.intermediate
    table, block = number_bytes * shape.vocab * h, number_bytes * (4 * h * h + 3 * h * f)
    in_a_block = 2 * parts.residual_bytes * f // h + parts.residual_bytes + number_bytes * h * f
    again = parts.saved_bytes > parts.forward_bytes
    moments = (
        parts.loss_bytes,
        parts.forward_bytes + table + parts.residual_bytes,
        again * (parts.saved_bytes + in_a_block + (not memory.layerwise) * table),
        max(memory.gradients_bytes - table - block, 0) + parts.block_bytes + in_a_block,
        memory.gradients_bytes + parts.residual_bytes,
    )
    return memory.weights_bytes + memory.optimizer_bytes + dequantised + max(moments)
