"""Scaled dot-product attention taken apart: two photonic products around a digital mask and softmax.

Shapes: `l` queries, `s` keys, `e` length of a head; any leading axes (batch, heads).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lightloop.errors import InputError


def attention(
    multiply: Callable[[Tensor, Tensor], Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(q kᵀ · scale + mask) v, with `multiply` for the two products; arguments as in torch.

    Args:
        multiply: The product of `(..., l, e)` and `(..., e, s)`.
        query: Shape `(..., l, e)`.
        key: Shape `(..., s, e)`.
        value: Shape `(..., s, ev)`.
        attn_mask: Boolean (True takes part) or additive, broadcast to `(..., l, s)`.
        dropout_p: Dropout of the attention weights.
        is_causal: Query i sees keys 0 … i.
        scale: 1/√e if None.
        enable_gqa: Repeat the heads of key and value to those of the query.

    Returns:
        Shape `(..., l, ev)`. A query that may see no key gets zeros, as in torch.

    Raises:
        InputError: Both `attn_mask` and `is_causal` are given.
    """
    if is_causal and attn_mask is not None:
        raise InputError(
            "attention takes either attn_mask or is_causal, not both", hint="put the causal part in the mask"
        )
    if enable_gqa:
        key, value = (_repeat_heads(item, query.shape[-3]) for item in (key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores_ls = multiply(query * scale, key.mT)
    if is_causal:
        future_ls = torch.ones(scores_ls.shape[-2:], dtype=torch.bool, device=scores_ls.device).triu(1)
        scores_ls = scores_ls.masked_fill_(future_ls, -math.inf)
    weights_ls = _softmax(_masked(scores_ls, attn_mask)) if attn_mask is not None else scores_ls.softmax(-1)
    if dropout_p:
        weights_ls = F.dropout(weights_ls, dropout_p)
    return multiply(weights_ls, value)


def _repeat_heads(item: Tensor, heads: int) -> Tensor:
    return item.repeat_interleave(heads // item.shape[-3], dim=-3)


def _masked(scores_ls: Tensor, mask: Tensor) -> Tensor:
    return scores_ls.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores_ls + mask


def _softmax(scores_ls: Tensor) -> Tensor:
    blind_l1 = scores_ls.amax(dim=-1, keepdim=True) == -math.inf
    return scores_ls.masked_fill(blind_l1, 0).softmax(-1).masked_fill(blind_l1, 0)
