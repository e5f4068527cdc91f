"""A trained model on one machine: the noise of that machine's light and receiver, and what a token costs there.

One knob, the laser's power, moves both: more light, less noise, more energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightloop.accelerator import receiver, simulate, workload_from_torch
from lightloop.accelerator.machine import Machine
from lightloop.accelerator.result import SimulationResult
from lightloop.errors import InputError
from lightloop.optics import Noise

CORE = "dot"


@dataclass(frozen=True)
class OnMachine:
    """Core options and noise of a machine, and the cost of one sequence.

    Args:
        core: Options of `lightloop.onn.convert`.
        noise: Operand errors of the published model, and the receiver's noise by physics.
        cost: One sequence of the model's context, in mode strict.
        enob: Effective bits by contribution, at full scale.
    """

    core: Mapping[str, Any]
    noise: Noise
    cost: SimulationResult
    enob: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return {
            "machine": self.cost.machine,
            "bits": self.cost.bits,
            "energy_per_token_mj": self.cost.energy_per_token_mj,
            "latency_ms": self.cost.latency_ms,
            "enob": dict(self.enob),
        }


def on_machine(model: Any, context: int, machine: Machine) -> OnMachine:
    """What `machine` does to a language model.

    Args:
        model: The trained model.
        context: Tokens of one sequence.
        machine: A machine whose core has a noise model.

    Raises:
        InputError: The machine's core has no noise model.
    """
    import torch

    if machine.file.onn_core != CORE:
        raise InputError(
            f"{machine.name} has no noise model, so a model's perplexity on it is not known",
            hint="take a machine of dot-product cores: lt-base, lt-large and their variants",
        )
    seen = receiver(machine)
    traced = workload_from_torch(model, torch.zeros(1, context, dtype=torch.long), name="model")
    return OnMachine(
        core={"core": CORE, "bits": machine.bits, "wavelengths": machine.quantities["wavelengths"]},
        noise=Noise(**seen.noise_arguments()),
        cost=simulate(machine, traced),
        enob={name: float(bits) for name, bits in seen.enob.items()},
    )
