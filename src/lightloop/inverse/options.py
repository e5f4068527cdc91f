"""What a design can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class DesignOptions:
    """Of one run; the fields are the command's options."""

    parametrization: Annotated[str, "density or levelset"] = "density"
    dl_um: Annotated[float, "Side of a cell in um while designing; the check at the end halves it."] = 0.025
    min_feature_um: Annotated[float, "Smallest feature, of silicon and of the gaps, in um."] = 0.08
    iterations: Annotated[int, "Steps of the optimiser; 0 for as many as the task says."] = 0
    robust: Annotated[str, "etch: edges 10 nm further out and in count too; none; auto: as the task says."] = "auto"
    solid: Annotated[str, "Material of the pattern and the guides."] = "Si"
    void: Annotated[str, "Material around them."] = "SiO2"
    seed: Annotated[int, "Of the pattern to begin with."] = 0
    still: Annotated[bool, "Leave out the animation."] = False
