"""Triton kernels of a step: two passes over the gradient and one over the weight, at the speed of memory.

    draw_mini      one program: P of rank 1, m numbers
    sum_columns    reads G: squares of every channel summed, and for rank 1 the product with P
    adapt_mini     one program: moments, s, limiter and count of steps of APOLLO-Mini, on vectors of n numbers
    add_scaled     reads G and W, writes W, rounded to the nearest or by chance

Matrices are (m, n) with any strides, the channels their n columns. P and the chances of rounding are those of
`lightloop.optim.projections.counter`. Sums are made in a fixed order, so a step is the same each time.
"""

from __future__ import annotations

import triton
import triton.language as tl

TINY_NORM = tl.constexpr(1e-16)
# Below this 1 − exp(x) loses digits, and five terms of its series do not.
SMALL_EXPONENT = tl.constexpr(0.1)
# Keys have any bits: nothing is gained by kernels for multiples of 16.
KEYS = ("key_0", "key_1")


@triton.jit
def mixed(word):
    """`counter.mixed`, whose words wrap around by themselves here."""
    word = word ^ (word >> 16)
    word = word * tl.full((1,), 0x85EBCA6B, tl.uint32)
    word = word ^ (word >> 13)
    word = word * tl.full((1,), 0xC2B2AE35, tl.uint32)
    return word ^ (word >> 16)


@triton.jit
def words(index, key_0, key_1, turn):
    """`counter.words`, for uint32 tensors of one axis or more; keys and turn are scalars."""
    word = mixed(index ^ key_0.to(tl.uint32))
    word = mixed(word + (turn.to(tl.uint32) + 1) * tl.full((1,), 0x9E3779B9, tl.uint32))
    return mixed(word ^ key_1.to(tl.uint32))


@triton.jit
def draw(place, table, key_0, key_1, turn, NORMAL: tl.constexpr):
    """Entries of P at rank 1, before ‖P‖ is set: `Stream.normals`, by the table of quantiles, or `Stream.signs`."""
    index = place.to(tl.uint32)
    if NORMAL:
        half = words(index >> 1, key_0, key_1, turn) >> ((index & 1) * 16)
        p = tl.load(table + (half & 0xFFFF).to(tl.int32))
    else:
        bit = words(index >> 5, key_0, key_1, turn) >> (index & 31)
        p = 1.0 - 2.0 * (bit & 1).to(tl.float32)
    return p


@triton.jit(do_not_specialize=KEYS)
def draw_mini(projection, table, step, update_gap, key_0, key_1, rows, NORMAL: tl.constexpr, BLOCK: tl.constexpr):
    """P of rank 1 with ‖P‖² = m, which signs have by themselves."""
    turn = tl.load(step).to(tl.int32) // update_gap  # a quotient of floats may fall short of a whole number
    factor = 1.0
    if NORMAL:
        square = tl.zeros((BLOCK,), tl.float32)
        for start in range(0, rows, BLOCK):
            row = start + tl.arange(0, BLOCK)
            p = tl.where(row < rows, draw(row, table, key_0, key_1, turn, NORMAL), 0.0)
            square += p * p
        factor = tl.sqrt(rows / tl.sum(square, axis=0))
    for start in range(0, rows, BLOCK):
        row = start + tl.arange(0, BLOCK)
        tl.store(projection + row, draw(row, table, key_0, key_1, turn, NORMAL) * factor, mask=row < rows)


@triton.jit
def sum_columns(
    grad, projection, squares, products, rows, columns, grad_row, grad_column, chunk,
    MINI: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """‖G_j‖² and, for rank 1, P G_j of a chunk of the rows; results (chunks, n), float32."""
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    first = tl.program_id(1) * chunk
    square = tl.zeros((COLUMNS,), tl.float32)
    product = tl.zeros((COLUMNS,), tl.float32)
    for start in range(first, first + chunk, ROWS):
        row = start + tl.arange(0, ROWS)
        inside = (row < rows)[:, None] & (column < columns)[None, :]
        place = row.to(tl.int64)[:, None] * grad_row + column.to(tl.int64)[None, :] * grad_column
        g = tl.load(grad + place, mask=inside, other=0.0).to(tl.float32)
        square += tl.sum(g * g, axis=0)
        if MINI:
            p = tl.load(projection + row, mask=row < rows, other=0.0)
            product += tl.sum(g * p[:, None], axis=0)
    place = tl.program_id(1) * columns + column
    tl.store(squares + place, square, mask=column < columns)
    if MINI:
        tl.store(products + place, product, mask=column < columns)


@triton.jit
def bias(log_beta, step):
    """1 − β^t."""
    x = log_beta * step
    series = -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))))
    return tl.where(-x < SMALL_EXPONENT, series, 1.0 - tl.exp(x))


@triton.jit
def gathered(partial, column, columns, chunks):
    """The sum over chunks of (chunks, n)."""
    total = tl.zeros(column.shape, tl.float32)
    for chunk in range(chunks):
        total += tl.load(partial + chunk * columns + column, mask=column < columns, other=0.0)
    return total


@triton.jit
def adapt_mini(
    squares, products, moment, moment_sq, step, limiter_norm, coefficient, finite_flag,
    columns, chunks, taken_1, taken_2, log_beta_1, log_beta_2, eps, alpha, lr, growth, floor, BLOCK: tl.constexpr,
):  # fmt: skip
    """Everything between the two passes, for rank 1 and one s; `coefficient` ← −η α κ s, and whether G is finite."""
    square_g = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        square_g += gathered(squares, start + tl.arange(0, BLOCK), columns, chunks)
    norm_g = tl.sqrt(tl.sum(square_g, axis=0))
    finite = tl.where(norm_g < float("inf"), 1, 0)
    written = columns * finite
    count = tl.load(step) + finite
    c1, root_c2 = bias(log_beta_1, count), tl.sqrt(bias(log_beta_2, count))
    square_r = tl.zeros((BLOCK,), tl.float32)
    square_d = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        column = start + tl.arange(0, BLOCK)
        inside = column < columns
        r = gathered(products, column, columns, chunks)
        m = tl.load(moment + column, mask=inside, other=0.0)
        v = tl.load(moment_sq + column, mask=inside, other=0.0)
        m += taken_1 * (r - m)
        v += taken_2 * (r * r - v)
        tl.store(moment + column, m, mask=column < written)
        tl.store(moment_sq + column, v, mask=column < written)
        direction = m / (tl.sqrt(v) + root_c2 * eps)
        square_r += tl.where(inside, r * r, 0.0)
        square_d += tl.where(inside, direction * direction, 0.0)
    s = tl.sqrt(tl.sum(square_d, axis=0)) * (root_c2 / c1) / (tl.sqrt(tl.sum(square_r, axis=0)) + TINY_NORM)
    norm_u = alpha * s * norm_g
    previous = tl.load(limiter_norm)
    ceiling = tl.where(previous > 0.0, growth * tl.maximum(previous, floor), float("inf"))
    limited = tl.minimum(norm_u, ceiling)
    moved = norm_u > 0.0
    kappa = tl.where(moved, limited / norm_u, 1.0)
    tl.store(limiter_norm, tl.where(finite != 0, tl.where(moved, limited, previous), previous))
    tl.store(step, count)
    tl.store(coefficient, -lr * alpha * kappa * s)
    tl.store(finite_flag, finite.to(tl.int8))


@triton.jit(do_not_specialize=KEYS)
def add_scaled(
    weight, grad, coefficient, finite_flag, step, decay, key_0, key_1, rows, columns,
    weight_row, weight_column, grad_row, grad_column,
    BY_CHANNEL: tl.constexpr, BY_CHANCE: tl.constexpr, BFLOAT16: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """W ← W − decay · W + G · coefficient, unless G is not finite."""
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    written = rows * tl.load(finite_flag).to(tl.int32)
    inside = (row < written)[:, None] & (column < columns)[None, :]
    i, j = row.to(tl.int64)[:, None], column.to(tl.int64)[None, :]
    weights = weight + i * weight_row + j * weight_column
    w = tl.load(weights, mask=inside, other=0.0).to(tl.float32)
    g = tl.load(grad + i * grad_row + j * grad_column, mask=inside, other=0.0).to(tl.float32)
    if BY_CHANNEL:
        scale = tl.load(coefficient + column, mask=column < columns, other=0.0)[None, :]
    else:
        scale = tl.load(coefficient)
    w = w - w * decay + g * scale
    bits = w.to(tl.uint32, bitcast=True)
    if BY_CHANCE:
        place = column.to(tl.uint32)[None, :] * rows + row.to(tl.uint32)[:, None]
        noise = words(place, key_0, key_1, tl.load(step).to(tl.int32)) >> 16
    else:  # to the nearest, ties to even
        noise = ((bits >> 16) & 1) + 0x7FFF
    if BFLOAT16:  # a NaN has no neighbours, and adding to its bits could make it a zero
        bits = (bits + tl.where(w == w, noise, 0)) & tl.full((1, 1), 0xFFFF0000, tl.uint32)
        w = bits.to(tl.float32, bitcast=True)
    tl.store(weights, w.to(weight.dtype.element_ty), mask=inside)
