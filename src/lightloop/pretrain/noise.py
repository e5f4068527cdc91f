"""A model under photonic noise: trained as it will be used, with a new sample of the noise at each step.

Straight-through gradients and reparametrised noise are those of `lightloop.onn`; here it is decided which sample
belongs to which step.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from statistics import fmean
from typing import Any, TypeVar

from torch import nn

from lightloop.onn.convert import convert
from lightloop.pretrain.data import Windows, step_key
from lightloop.pretrain.evaluation import evaluate_under
from lightloop.pretrain.noise_settings import NoiseSettings

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def noisy_copy(model: AnyModule, settings: NoiseSettings) -> AnyModule:
    """`model` on the photonic core of the settings, over the same weights: a step on one is a step on the other.

    Raises:
        InputError: The core cannot be built, or an excluded module is unknown.
    """
    copy = convert(model, **settings.core())
    for name, module in model.named_modules():
        twin = copy.get_submodule(name)
        for key, weight in module._parameters.items():
            twin._parameters[key] = weight
    return copy


def sample_of_step(settings: NoiseSettings, seed: int, step: int) -> AbstractContextManager[Any]:
    """The noise of one training step: a function of the seed and the step, so that a resumed run has the same."""
    return settings.noise().sample(seed=step_key("noise", seed, step))


def noisy_loss(noisy: nn.Module, windows: Windows, settings: NoiseSettings) -> float:
    """Mean loss over draws of the noise, in nats per token. The draws are the same for every model.

    Args:
        noisy: What `noisy_copy` gave.
        windows: Held-out text.
        settings: The noise, and how often to draw it.
    """
    samples = (settings.noise().sample(seed=draw) for draw in range(settings.draws))
    return fmean(measured.loss for measured in evaluate_under(noisy, windows, samples))
