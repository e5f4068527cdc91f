"""Muon on matrices, AdamW on the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.errors import InputError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings

# Muon's learning rate as a multiple of `train.lr`, which is AdamW's. With `match_rms_adamw` (Liu et al., arXiv
# 2502.16982) its updates have the root mean square 0.2 of AdamW's, so that both take the same rate.
LR_FACTOR = 1.0


def muon(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`torch.optim.Muon` on attention and gated layers, `torch.optim.AdamW` on the rest.

    Raises:
        InputError: This torch has no Muon.
    """
    import torch
    from torch.optim import AdamW

    from lightloop.optim.groups import param_groups
    from lightloop.optim.joined import Joined

    if not hasattr(torch.optim, "Muon"):
        raise InputError(f"torch {torch.__version__} has no Muon", hint="install torch 2.9 or later")
    matrices, rest = ([*zip(g["param_names"], g["params"], strict=True)] for g in param_groups(model, rank=1))
    lr, decay = train.lr, train.weight_decay
    muon = torch.optim.Muon(matrices, lr=LR_FACTOR * lr, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
    return Joined(muon, AdamW(rest, lr=lr, weight_decay=decay, fused=True))
