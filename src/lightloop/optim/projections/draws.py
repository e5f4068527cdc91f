"""Dense random matrices P, shape (r, m), each a function of a stream; the same on every device.

With the stream fixed by (seed, name of the tensor, number of the renewal) a P needs no memory. Words of a stream are
the same bits on every device, and so are signs; of normal numbers the common factor ‖P‖ may differ in its last place.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lightloop.optim.projections.counter import Key, Stream, halves
from lightloop.optim.projections.keys import counter_key
from lightloop.optim.projections.sketch import dense

Draw = Callable[[int, int, Stream], Tensor]


def projection_key(seed: int, name: str) -> Key:
    """The key of the projections of tensor `name`; the number of the renewal is the stream's turn."""
    return halves(counter_key("projection", seed, name))


def gaussian(rank: int, small_side: int, stream: Stream) -> Tensor:
    """Entries of N(0, 1/r): E‖P g‖² = ‖g‖² (Johnson and Lindenstrauss).

    Then ‖P‖² = m on average; it is made so exactly. The ratio s goes as 1/‖P‖, and left to chance the learning
    rate of a matrix would change by a factor 1 ± 1/√(2rm) at each renewal: 3 % for APOLLO-Mini at m = 512.
    """
    p_rm = stream.normals(rank * small_side).view(rank, small_side)
    return p_rm.mul_(torch.linalg.vector_norm(p_rm).reciprocal_().mul_(small_side**0.5))


def rademacher(rank: int, small_side: int, stream: Stream) -> Tensor:
    """Entries ±1/√r with equal chances. As good a sketch as `gaussian`, and cheaper to draw."""
    return stream.signs(rank * small_side).view(rank, small_side).div_(rank**0.5)


DRAWS: dict[str, Draw] = {"gaussian": gaussian, "rademacher": rademacher, "sparse": dense}
