"""Random numbers from a counter: element i of a stream is a function of i, a key and a turn, and of nothing else.

Only integer operations, on tensors where the numbers are wanted, so the words are the same on every device, for every
part of a stream drawn by itself, and inside a captured graph, where the turn is a tensor that goes on counting.

A word is the index after three rounds of the finaliser of MurmurHash3 (Appleby, public domain), a permutation of
32-bit words, between which turn and key are added or exclusive-ored. int32 holds the words: sums and products wrap
around.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

WORD = 0xFFFFFFFF
FACTORS = (0x85EBCA6B, 0xC2B2AE35)
# 2^32 divided by the golden ratio: turns 0, 1, 2, … land far apart.
TURN_FACTOR = 0x9E3779B9
# Half of a 64-bit key each.
Key = tuple[int, int]
# Of dtype int32.
Words = np.ndarray[Any, np.dtype[np.int32]]
Int32 = TypeVar("Int32", Tensor, Words)
# 64 KiB: more would be asked of the system, and given back, by each of some twenty operations.
CACHED_WORDS = 2**14

HALF_BITS = 16
SIGN_BITS = 32


class Stream(NamedTuple):
    """Where random numbers come from.

    Attributes:
        key: Of the stream.
        turn: The number of a renewal or of a step, an integer or an int64 scalar.
        device: Where the numbers are wanted.
    """

    key: Key
    turn: int | Tensor
    device: torch.device | str = "cpu"

    def words(self, count: int, first: int = 0) -> Tensor:
        """The words at places `first`, `first` + 1, …, int32 of shape (count,)."""
        if torch.device(self.device).type == "cpu" and isinstance(self.turn, int):
            return torch.from_numpy(self._words_by_numpy(self.turn, count, first))
        return words(torch.arange(first, first + count, device=self.device, dtype=torch.int32), self.key, self.turn)

    def _words_by_numpy(self, turn: int, count: int, first: int) -> Words:
        """In a fifth of the time that torch takes for few words, and in less for many."""
        out = np.empty(count, dtype=np.int32)
        for start in range(0, count, CACHED_WORDS):
            stop = min(start + CACHED_WORDS, count)
            out[start:stop] = words(np.arange(first + start, first + stop, dtype=np.int32), self.key, turn)
        return out

    def signs(self, count: int) -> Tensor:
        """±1 with equal chances, float32, shape (count,): the bits of the first words."""
        return signs(self.words(words_of_signs(count)), count)

    def normals(self, count: int) -> Tensor:
        """N(0, 1), float32, shape (count,): the normal quantiles of both halves of each word, the lower first."""
        packed, low = self.words(-(-count // 2)), 2**HALF_BITS - 1
        places = torch.stack((packed & low, (packed >> HALF_BITS) & low), dim=-1).view(-1)[:count]
        return quantiles(str(self.device)).index_select(0, places)


def signs(packed: Tensor, count: int) -> Tensor:
    """±1 by the bits of words, the lowest bit of each first, float32, shape (count,)."""
    bits = (packed.unsqueeze(1) >> torch.arange(SIGN_BITS, device=packed.device, dtype=torch.int32)) & 1
    return bits.view(-1)[:count].float().mul_(-2.0).add_(1.0)


def words_of_signs(count: int) -> int:
    """How many words hold so many signs."""
    return -(-count // SIGN_BITS)


@cache
def quantiles(device: str) -> Tensor:
    """The middles of 2^16 equally likely parts of N(0, 1), float32. The same numbers on every device: it is a table."""
    parts = 2**HALF_BITS
    middles = (torch.arange(parts, dtype=torch.float64, device="cpu") + 0.5) / parts
    return torch.special.ndtri(middles).float().to(device)


def halves(key: int) -> Key:
    """A 64-bit key as two words."""
    return key & WORD, key >> 32


def mixed(word: Int32) -> Int32:
    """One round on int32: xor-shifts and multiplications that spread every bit over all 32. Overwrites `word`."""
    word ^= (word >> 16) & 0xFFFF
    word *= _signed(FACTORS[0])
    word ^= (word >> 13) & 0x7FFFF
    word *= _signed(FACTORS[1])
    word ^= (word >> 16) & 0xFFFF
    return word


def words(index: Int32, key: Key, turn: int | Tensor) -> Int32:
    """The 32-bit words at places `index` of a stream, of the same shape. `turn` numbers renewals or steps."""
    shift = (turn + 1) * TURN_FACTOR & WORD
    word = mixed(index ^ _signed(key[0]))
    word += shift.to(torch.int32) if isinstance(shift, Tensor) else _signed(shift)
    word = mixed(word)
    word ^= _signed(key[1])
    return mixed(word)


def unsigned(word: Tensor) -> Tensor:
    """A word as the int64 from 0 to 2^32 − 1 that it stands for."""
    return word.long() & WORD


def _signed(word: int) -> int:
    """The int32 with the bits of a word."""
    return word - (word >> 31 << 32)
