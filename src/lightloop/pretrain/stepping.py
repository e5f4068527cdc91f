"""How one step of a training is taken: a batch as a whole or in parts, the optimizer after backward or inside it.

All ways take the same step. Shapes: b sequence, t position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lightloop.pretrain.data import draw_batch, step_key
from lightloop.pretrain.model import next_token_loss
from lightloop.pretrain.noise import sample_of_step
from lightloop.pretrain.schedule import rate_factor

if TYPE_CHECKING:
    from lightloop.pretrain.preparation import Run

# Computes all gradients of a step and returns its loss.
Evaluate = Callable[[], Tensor]


def stepper(run: Run) -> Callable[[int], float]:
    """What takes the step of a number, from 0, and returns the loss of its batch before the step.

    Raises:
        InputError: The steps shall be taken inside backward, and the optimizer cannot do so.
    """
    take = (_inside_backward if run.settings.layerwise else _after_backward)(run)

    def step_number(step: int) -> float:
        _set_rates(run, step)
        return take(partial(gradients_of, run, step)).item()

    return step_number


def gradients_of(run: Run, step: int) -> Tensor:
    """Add the gradients of a step's batch to what the parameters hold, part by part; returns the mean loss."""
    chosen = run.settings
    batch = draw_batch(run.text.tokens, step, seed=chosen.seed, batch=chosen.batch, context=run.context)
    total = torch.zeros((), device=run.device)
    with ExitStack() as conditions:
        if run.noise is not None and run.noise.train:
            conditions.enter_context(sample_of_step(run.noise, chosen.seed, step))
        if run.has_chance:
            conditions.enter_context(_random_state(run, step))
        for inputs_bt, targets_bt in zip(*(part.chunk(chosen.accumulate) for part in batch), strict=True):
            loss = _loss(run, inputs_bt.to(run.device), targets_bt.to(run.device)) / chosen.accumulate
            loss.backward()
            total += loss.detach()
    return total


def _loss(run: Run, inputs_bt: Tensor, targets_bt: Tensor) -> Tensor:
    return next_token_loss(_scores(run, inputs_bt), targets_bt)


def _scores(run: Run, inputs_bt: Tensor) -> Tensor:
    mixed = run.settings.precision == "bf16-mixed"
    with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=mixed):
        return run.learner(inputs_bt)


def _set_rates(run: Run, step: int) -> None:
    chosen = run.settings
    factor = rate_factor(
        step,
        steps=chosen.steps,
        warmup_fraction=chosen.warmup_fraction,
        min_fraction=chosen.min_lr_fraction,
    )
    for group, peak in zip(run.optimizer.param_groups, run.peak_lrs, strict=True):
        group["lr"] = peak * factor


def _after_backward(run: Run) -> Callable[[Evaluate], Tensor]:
    """Gradients of all parameters first, then the step."""

    def take(evaluate: Evaluate) -> Tensor:
        loss = evaluate()
        if run.settings.grad_clip is not None:
            # In the optimizer's order, as inside backward: the norm is a sum, and rounds by its order.
            weights = [weight for group in run.optimizer.param_groups for weight in group["params"]]
            clip_grad_norm_(weights, run.settings.grad_clip)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        return loss

    return take


def _inside_backward(run: Run) -> Callable[[Evaluate], Tensor]:
    """Each parameter is stepped, and its gradient freed, as soon as that is whole."""
    from lightloop.optim.backward.fuse import fuse_backward

    chosen = run.settings
    return fuse_backward(run.model, run.optimizer, accumulate=chosen.accumulate, max_norm=chosen.grad_clip).step


@contextmanager
def _random_state(run: Run, step: int) -> Iterator[None]:
    """torch's own random numbers, which dropout draws, as a function of the seed and the step; put back at the end."""
    devices = [run.device] if run.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(step_key("dropout", run.settings.seed, step))
        yield
