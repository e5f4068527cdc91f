"""Optimizers that keep little state, weights in 8 bits, steps inside backward, and the memory that they take."""

from __future__ import annotations

from lightloop.optim.adam_mini import AdamMini, adam_mini_groups
from lightloop.optim.apollo import Apollo
from lightloop.optim.backward.fuse import fuse_backward
from lightloop.optim.fira import Fira
from lightloop.optim.galore import GaLore
from lightloop.optim.groups import param_groups
from lightloop.optim.joined import Joined
from lightloop.optim.plan.memory import plan_memory
from lightloop.optim.quantized.model import dequantize_weights, plain_state_dict, quantize_weights
from lightloop.optim.scale_sgd import Scale, scale_groups

__all__ = [
    "AdamMini",
    "Apollo",
    "Fira",
    "GaLore",
    "Joined",
    "Scale",
    "adam_mini_groups",
    "dequantize_weights",
    "fuse_backward",
    "param_groups",
    "plain_state_dict",
    "plan_memory",
    "quantize_weights",
    "scale_groups",
]
