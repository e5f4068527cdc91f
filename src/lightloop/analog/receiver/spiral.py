"""A spiral inductor as a subcircuit: for now a lossy pi model by published formulas; any other subcircuit plugs in.

Inductance: modified Wheeler formula, S. S. Mohan et al., IEEE JSSC 34, 1419 (1999). Resistance with skin effect,
capacitances to the underpass, through the oxide and in the substrate: C. P. Yue, S. S. Wong, IEEE JSSC 33, 743 (1998).
Its numbers stand in `technology.toml` and are assumed. A model that is fitted to simulated S-parameters takes its
place as a `FittedInductor`; the receivers ask only for what `Inductor` says.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Protocol

from lightloop.analog.receiver.technology import VACUUM_F_PER_M, technology
from lightloop.errors import InputError
from lightloop.spice.linter import lint
from lightloop.spice.policy import STRANGER

VACUUM_H_PER_M = 4e-7 * math.pi
# Coefficients K1 and K2 of a square in the modified Wheeler formula.
SQUARE = (2.34, 2.75)
SKIN_GHZ = 4.0  # where the constant resistance is that of the skin effect: the band edge of 5 GS/s
BLOCK = re.compile(r"(?ims)^\.subckt\s+spiral\b.*?^\.ends[^\n]*$")


class Inductor(Protocol):
    """What a receiver asks of an inductor."""

    @property
    def source(self) -> str:
        """Where its numbers come from."""
        ...

    def subcircuit(self) -> str:
        """A subcircuit of the name `spiral` with two ports, as text."""
        ...


@dataclass(frozen=True)
class FittedInductor:
    """A subcircuit that was fitted elsewhere, such as to the S-parameters of an electromagnetic simulation.

    Args:
        text: `.subckt spiral a b ... .ends`, of resistors, inductors, couplings and capacitors.
        source: Where it comes from.

    Raises:
        InputError: The text is no such subcircuit.
    """

    text: str
    source: str

    def __post_init__(self) -> None:
        found = lint(
            f"inductor\n{self.text.strip()}\n.end", replace(STRANGER, only_parts=True, kinds=frozenset("rlck"))
        )
        faults = [str(error) for error in found.errors]
        parts = found.deck.subcircuits if found.deck else ()
        if faults or [(part.name, len(part.ports)) for part in parts] != [("spiral", 2)]:
            raise InputError(
                "an inductor is one '.subckt spiral a b' of passive elements", hint="; ".join(faults) or None
            )

    def subcircuit(self) -> str:
        """The text."""
        return self.text.strip()


@dataclass(frozen=True)
class Spiral:
    """A square spiral of one metal.

    Args:
        turns: Number of turns.
        outer_um: Outer side in um.
        width_um: Width of the metal in um.
        spacing_um: Spacing of the turns in um.

    Raises:
        InputError: The turns do not fit.
    """

    turns: float
    outer_um: float
    width_um: float = 3.0
    spacing_um: float = 1.5
    source: str = "modified Wheeler formula and lossy pi model of assumed metal, oxide and substrate"

    def __post_init__(self) -> None:
        if min(self.turns, self.outer_um, self.width_um, self.spacing_um) <= 0 or self.inner_um <= 0:
            raise InputError(
                f"a spiral of {self.turns:g} turns of {self.width_um:g} um has no room in {self.outer_um:g} um"
            )

    @property
    def inner_um(self) -> float:
        """Inner side in um."""
        return self.outer_um - 2 * (self.turns * self.width_um + (self.turns - 1) * self.spacing_um)

    @property
    def length_um(self) -> float:
        """Length of the metal in um: four mean sides a turn."""
        return 2 * self.turns * (self.outer_um + self.inner_um)

    @property
    def inductance_nh(self) -> float:
        """K1 mu0 n^2 d / (1 + K2 rho) in nH: d the mean side, rho = (outer - inner) / (outer + inner)."""
        mean_m = (self.outer_um + self.inner_um) / 2 * 1e-6
        fill = (self.outer_um - self.inner_um) / (self.outer_um + self.inner_um)
        return SQUARE[0] * VACUUM_H_PER_M * self.turns**2 * mean_m / (1 + SQUARE[1] * fill) * 1e9

    def resistance_ohm(self, freq_ghz: float) -> float:
        """l / (sigma w d (1 - exp(-t/d))) in ohm, with the skin depth d = sqrt(2 / (omega mu0 sigma))."""
        metal = technology().spiral
        conductivity, thickness_m = metal["conductivity"].value, metal["thickness_um"].value * 1e-6
        depth_m = math.sqrt(2 / (2 * math.pi * freq_ghz * 1e9 * VACUUM_H_PER_M * conductivity))
        effective_m = depth_m * (1 - math.exp(-thickness_m / depth_m))
        return self.length_um / (conductivity * self.width_um * effective_m)

    @property
    def capacitances_ff(self) -> dict[str, float]:
        """`across` to the underpass, `oxide` and `substrate` at each end, in fF."""
        metal = technology().spiral
        permittivity = metal["oxide_permittivity"].value * VACUUM_F_PER_M * 1e-6
        area_um2 = self.length_um * self.width_um
        return {
            "across": self.turns * self.width_um**2 * permittivity / metal["underpass_um"].value * 1e15,
            "oxide": area_um2 * permittivity / metal["oxide_um"].value / 2 * 1e15,
            "substrate": area_um2 * metal["substrate_farad_per_um2"].value / 2 * 1e15,
        }

    @property
    def substrate_ohm(self) -> float:
        """Resistance of the substrate at each end in ohm."""
        return 2 / (self.length_um * self.width_um * technology().spiral["substrate_siemens_per_um2"].value)

    def quality(self, freq_ghz: float) -> float:
        """omega L / R, losses of the substrate left out."""
        return 2 * math.pi * freq_ghz * self.inductance_nh / self.resistance_ohm(freq_ghz)

    def subcircuit(self) -> str:
        """The pi model; its series resistance is that at the band edge of 5 GS/s."""
        farads = self.capacitances_ff
        lines = [f"L1 a m {self.inductance_nh:.5g}n", f"R1 m b {self.resistance_ohm(SKIN_GHZ):.5g}"]
        lines += [f"C1 a b {farads['across']:.4g}f"]
        for place, port in enumerate("ab", start=2):
            lines += [f"C{place} {port} s{place} {farads['oxide']:.4g}f"]
            lines += [
                f"R{place} s{place} 0 {self.substrate_ohm:.5g}",
                f"C{place}s s{place} 0 {farads['substrate']:.4g}f",
            ]
        return "\n".join([".subckt spiral a b", *lines, ".ends"])


def with_inductor(deck_text: str, inductor: Inductor) -> str:
    """A receiver's deck with another inductor in the place of its spiral.

    Raises:
        InputError: The deck has no subcircuit of the name `spiral`.
    """
    changed, count = BLOCK.subn(lambda found: inductor.subcircuit(), deck_text)
    if count != 1:
        raise InputError(f"the deck has {count} subcircuits called 'spiral'; it must have one")
    return changed
