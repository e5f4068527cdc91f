"""Batches to train on and windows to measure on.

The batch of a step is a function of the seed and the step alone (a counter-based generator, Salmon et al.,
SC 2011), so that a resumed run needs no sampler state. Windows tile the held-out text: every token is
predicted once, none twice.

Shapes: b sequence, t position, w window.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightloop.errors import InputError
from lightloop.pretrain.model import IGNORED
from lightloop.pretrain.tokenizer import Tokenizer


def step_key(purpose: str, seed: int, step: int) -> int:
    """A seed, below 2^56, for what is drawn for one purpose in one step."""
    return int.from_bytes(hashlib.blake2b(f"{purpose}/{seed}/{step}".encode(), digest_size=7).digest(), "little")


def draw_batch(tokens: NDArray[np.integer], step: int, *, seed: int, batch: int, context: int) -> tuple[Tensor, Tensor]:
    """Sequences of `context` tokens from random places, and the token that follows each position.

    Args:
        tokens: The training text, shape (tokens,).
        step: Counter of the draw.
        seed: Seed of the draws.
        batch: Number of sequences.
        context: Their length.

    Returns:
        Inputs and targets, each int64 of shape (batch, context).

    Raises:
        InputError: The text is shorter than one sequence.
    """
    if len(tokens) <= context:
        raise InputError(
            f"the training text has {len(tokens)} tokens, one sequence needs {context + 1}",
            hint="give more text or a shorter model.context",
        )
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64)))
    start_b = generator.integers(0, len(tokens) - context, size=batch)
    drawn_bt = torch.from_numpy(tokens[start_b[:, None] + np.arange(context + 1)].astype(np.int64))
    return drawn_bt[:, :-1].contiguous(), drawn_bt[:, 1:].contiguous()


@dataclass(frozen=True)
class Windows:
    """Stretches of text to measure a model on.

    Attributes:
        inputs_wt: Tokens, int64 of shape (windows, context).
        targets_wt: The token that follows each; `IGNORED` after the end of the text.
        tokens: Number of targets that count.
        bytes: UTF-8 bytes that those targets stand for.
    """

    inputs_wt: Tensor
    targets_wt: Tensor
    tokens: int
    bytes: int

    def __repr__(self) -> str:
        return f"Windows({len(self.inputs_wt)} of {self.inputs_wt.shape[1]} tokens, {self.tokens} targets)"


def tile(text: str, tokenizer: Tokenizer, context: int, *, at_least: int | None = None) -> Windows:
    """Windows side by side over the whole of `text`, or evenly spaced over it.

    Args:
        text: The held-out text.
        tokenizer: How it becomes tokens.
        context: Length of a window.
        at_least: Take as many evenly spaced windows as hold this many tokens; all of them if None.

    Raises:
        InputError: The text is shorter than two tokens.
    """
    tokens = tokenizer.encode(text).astype(np.int64)
    count = len(tokens) - 1
    if count < 1:
        raise InputError(
            f"the held-out text has {len(tokens)} tokens, two are needed",
            hint="raise text.held_out or give more text",
        )
    windows = -(-count // context)
    inputs_wt = np.full((windows, context), tokens[0])  # what stands after the end is masked by its target
    targets_wt = np.full((windows, context), IGNORED)
    inputs_wt.flat[:count] = tokens[:-1]
    targets_wt.flat[:count] = tokens[1:]
    full = count // context
    if at_least is not None and at_least <= full * context:
        chosen = np.linspace(0, full - 1, -(-at_least // context)).round().astype(int)
        inputs_wt, targets_wt = inputs_wt[chosen], targets_wt[chosen]
    counted = targets_wt[targets_wt != IGNORED]
    return Windows(
        torch.from_numpy(inputs_wt),
        torch.from_numpy(targets_wt),
        tokens=len(counted),
        bytes=int(tokenizer.byte_lengths[counted].sum()),
    )
