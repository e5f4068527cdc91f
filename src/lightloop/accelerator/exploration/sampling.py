"""The designs of a space by their number, any stretch of them on its own: nothing is ever listed as a whole."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lightloop.accelerator.exploration.axis import Axis
from lightloop.accelerator.exploration.space import Space


@dataclass(frozen=True)
class Setting:
    """One axis with its points ready; whole: of whole numbers."""

    axis: Axis
    points: np.ndarray
    whole: bool


@dataclass(frozen=True)
class Designs:
    """All designs of a space, numbered.

    Args:
        settings: The axes; in a grid the last one changes fastest.
        size: How many designs there are.
        sampling: "grid", "random", "sobol" or "latin".
        seed: Seed of the samples.
    """

    settings: tuple[Setting, ...]
    size: int
    sampling: str
    seed: int

    @classmethod
    def of(cls, space: Space) -> Designs:
        """The designs of `space`."""
        settings = tuple(Setting(axis, space.points(key), space.whole(key)) for key, axis in space.all_axes.items())
        return cls(settings, space.size, space.sampling, space.seed)

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Setting -> its value in the designs start .. stop - 1, shape (stop - start,)."""
        if self.sampling == "grid":
            return self._combinations(start, stop)
        unit_da = SAMPLINGS[self.sampling](start, stop, self)
        return {s.axis.key: _placed(s, unit_d) for s, unit_d in zip(self.settings, unit_da.T, strict=True)}

    def _combinations(self, start: int, stop: int) -> dict[str, np.ndarray]:
        rest, columns = np.arange(start, stop), {}
        for setting in reversed(self.settings):
            rest, place = np.divmod(rest, len(setting.points))
            columns[setting.axis.key] = setting.points[place]
        return dict(reversed(columns.items()))


def _placed(setting: Setting, unit_d: np.ndarray) -> np.ndarray:
    """Samples of the unit interval as values: of a list, each is equally likely."""
    if setting.axis.continuous:
        return setting.axis.between(unit_d, setting.whole)
    count = len(setting.points)
    return setting.points[np.minimum((unit_d * count).astype(int), count - 1)]


def _random(start: int, stop: int, designs: Designs) -> np.ndarray:
    """Independent uniform samples: one draw of the generator each, so that it can be sent ahead."""
    axes = len(designs.settings)
    ahead = np.random.PCG64(designs.seed).advance(start * axes)
    return np.random.Generator(ahead).random((stop - start, axes))


def _sobol(start: int, stop: int, designs: Designs) -> np.ndarray:
    """Scrambled Sobol sequence (Owen 1998; directions of Joe and Kuo 2008, from SciPy)."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(designs.settings), scramble=True, seed=designs.seed)
    if start:
        sequence.fast_forward(start)
    with warnings.catch_warnings():
        # It warns of a first stretch that is no power of two; the stretches here are parts of one sequence.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(sequence.random(stop - start))


def _latin(start: int, stop: int, designs: Designs) -> np.ndarray:
    return _hypercube(designs.size, len(designs.settings), designs.seed)[start:stop]


@lru_cache(maxsize=1)
def _hypercube(size: int, axes: int, seed: int) -> np.ndarray:
    """A Latin hypercube: each axis is cut into `size` slices, and each slice holds one sample (McKay et al. 1979)."""
    generator = np.random.default_rng(seed)
    strata_da = np.stack([generator.permutation(size) for _ in range(axes)], axis=1)
    return (strata_da + generator.random((size, axes))) / size


# Sampling -> its samples start .. stop - 1 of the unit cube, shape (stop - start, axes).
SAMPLINGS: dict[str, Callable[[int, int, Designs], np.ndarray]] = {
    "random": _random,
    "sobol": _sobol,
    "latin": _latin,
}
