"""The memory that a run file asks for, by class."""

from __future__ import annotations

from lightloop.errors import InputError
from lightloop.optim.plan.states import state_rule
from lightloop.pretrain.plan import TrainingPlan, plan_training
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape, usual_rank

# Optimizers that the planner knows under another name when an option is chosen.
PLANNED_AS = {("apollo", "svd"): "apollo-svd"}

# Under autocast the weights stay as they are.
WEIGHTS = {"fp32": "fp32", "bf16": "bf16", "bf16-mixed": "fp32"}


def plan_run(settings: PretrainSettings, shape: ModelShape) -> TrainingPlan | None:
    """Plan the memory of a run.

    Args:
        settings: The run.
        shape: Its model, with the words of its tokenizer.

    Returns:
        Bytes by class; None for an optimizer that the planner does not know.
    """
    chosen = settings.train
    name = PLANNED_AS.get((chosen.optimizer, chosen.projection or ""), chosen.optimizer)
    try:
        rule = state_rule(name)
    except InputError:
        return None
    return plan_training(
        shape,
        name,
        weights=rule.weights or WEIGHTS[chosen.precision],
        rank=(chosen.rank or usual_rank(shape.hidden)) if rule.low_rank else None,
        batch=chosen.batch // chosen.accumulate,
        tokens=shape.context,
        layerwise=chosen.layerwise,
        checkpointing=chosen.gradient_checkpointing,
    )
