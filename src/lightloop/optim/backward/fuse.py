"""Steps inside backward: each tensor is stepped, and its gradient freed, as soon as the gradient is whole.

Lv et al., "Full Parameter Fine-tuning for Large Language Models with Limited Resources" (LOMO),
arXiv 2306.09782, do so for SGD. In memory there is one gradient at a time instead of all of them.
"""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from lightloop.optim.backward import checks
from lightloop.optim.backward.handle import FusedBackward
from lightloop.optim.backward.tensors import refuse_coupled


def fuse_backward(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    accumulate: int = 1,
    average: bool = False,
    max_norm: float | None = None,
) -> FusedBackward:
    """Let `loss.backward()` take the optimizer's step, tensor by tensor, and free each gradient at once.

    The weights are those of `backward`, `step` and `zero_grad` with the same optimizer, to the bit, with
    schedulers, weight decay, and tied, frozen and unused tensors. Every backward pass counts as one
    micro-batch. With `accumulate=k` all gradients are kept for k − 1 passes, as without fusing, and stepped and
    freed in the k-th: that saves memory only between steps. With `max_norm` the norm of all gradients must be
    known before the first step, so the batch is evaluated twice, by `handle.step(closure)`; that costs one more
    forward and backward pass, and no memory.

    Of the optimizer's own step hooks each is called once, after the last tensor, when gradients are gone.
    A gradient does not show that a `GradScaler` has multiplied it, so train without one (bfloat16 needs none).
    Tensors that other optimizers train are left alone. The weights change inside backward, so a graph cannot be
    kept for a second pass over it, except in the first k − 1.

    Args:
        model: The module that is trained, in one process; not wrapped for data parallelism.
        optimizer: `Apollo`, or one of `torch.optim` that steps each tensor by itself. Do not call its `step`.
        accumulate: k, micro-batches per step.
        average: Divide the sum of the k gradients by k before the step, instead of adding them up.
        max_norm: Clip as `torch.nn.utils.clip_grad_norm_` over the optimizer's tensors does; infinity only
            measures.

    Returns:
        A handle: `step_count`, `micro_batches`, `gradient_norm`, `step(closure)`, `flush()`, `discard()`,
        `state_dict()`, `load_state_dict()`, `remove()`.

    Raises:
        InputError: An option is not allowed, or the optimizer or the model cannot be stepped exactly this way.

    Example:
        >>> import torch
        >>> from lightloop.optim import Apollo
        >>> model = nn.Linear(64, 128)
        >>> handle = fuse_backward(model, Apollo(model.named_parameters(), rank=16))
        >>> model(torch.ones(1, 64)).sum().backward()
        >>> handle.step_count, model.weight.grad
        (1, None)
    """
    checks.check_options(accumulate, max_norm)
    refuse_coupled(optimizer)
    checks.refuse_fused(optimizer)
    checks.refuse_processes()
    checks.refuse_model(model, optimizer)
    return FusedBackward(optimizer, int(accumulate), average, max_norm)
