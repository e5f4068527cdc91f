"""Keys of random streams: what is drawn hangs on a seed, a tensor's name and a count, and on nothing else.

Not on the order of the tensors, nor on which others are trained, nor on what was drawn before; so there is no state to
save.
"""

from __future__ import annotations

import hashlib


def rounding_key(seed: int, name: str, step: int) -> int:
    """The 64-bit key of the stochastic rounding of tensor `name` at its step number `step`."""
    return _key(f"rounding/{seed}/{step}/{name}")


def moment_key(seed: int, name: str, step: int) -> int:
    """The 64-bit key of the rounding of the moments of tensor `name` after its step number `step`."""
    return _key(f"moments/{seed}/{step}/{name}")


def counter_key(purpose: str, seed: int, name: str) -> int:
    """The 64-bit key of a stream (`lightloop.optim.projections.counter`) of tensor `name`, for "projection" say."""
    return _key(f"counter/{purpose}/{seed}/{name}")


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
