"""Random numbers from a counter: element i of a stream is a function of i, a key and a turn, and of nothing else.

Only integer operations, on tensors where the numbers are wanted, so the words are the same on every device, for every
part of a stream drawn by itself, and inside a captured graph, where the turn is a tensor that goes on counting.

A word is the index after three rounds of the finaliser of MurmurHash3 (Appleby, public domain), a permutation of
32-bit words, between which turn and key are added or exclusive-ored. int64 holds the words: their products wrap
around, and the low 32 bits of them are right.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

WORD = 0xFFFFFFFF
FACTORS = (0x85EBCA6B, 0xC2B2AE35)
# 2^32 divided by the golden ratio: turns 0, 1, 2, … land far apart.
TURN_FACTOR = 0x9E3779B9
# Half of a 64-bit key each.
Key = tuple[int, int]

MANTISSA_BITS = 24
SIGN_SHIFT = 31


def halves(key: int) -> Key:
    """A 64-bit key as two words."""
    return key & WORD, key >> 32


def mixed(word: Tensor) -> Tensor:
    """One round: xor-shifts and multiplications that spread every bit over all 32."""
    word = word ^ (word >> 16)
    word = (word * FACTORS[0]) & WORD
    word = word ^ (word >> 13)
    word = (word * FACTORS[1]) & WORD
    return word ^ (word >> 16)


def words(index: Tensor, key: Key, turn: Tensor) -> Tensor:
    """The 32-bit words at places `index` (int64, below 2^32) of a stream, as int64 of the same shape.

    `turn` is an int64 scalar: the number of a renewal or of a step.
    """
    word = mixed(index ^ key[0])
    word = mixed((word + (turn + 1) * TURN_FACTOR) & WORD)
    return mixed(word ^ key[1])


def uniform(word: Tensor) -> Tensor:
    """The middle of one of 2^24 equal parts of (0, 1), float32; the last is 1, the next float32."""
    return ((word >> (32 - MANTISSA_BITS)).float() + 0.5) * 2.0**-MANTISSA_BITS


def signs(index: Tensor, key: Key, turn: Tensor) -> Tensor:
    """±1 with equal chances, float32."""
    return 1.0 - 2.0 * (words(index, key, turn) >> SIGN_SHIFT).float()


def normals(index: Tensor, key: Key, turn: Tensor) -> Tensor:
    """N(0, 1), float32, by Box and Muller from words 2i and 2i + 1.

    Logarithm and cosine differ between devices in the last place, and so do these.
    """
    radius = torch.sqrt(-2.0 * torch.log(uniform(words(2 * index, key, turn))))
    return radius * torch.cos(2.0 * math.pi * uniform(words(2 * index + 1, key, turn)))
