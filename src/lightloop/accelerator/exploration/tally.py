"""What became of the designs of an exploration, counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

TALLY = b"lightloop"


@dataclass
class Tally:
    """How many designs there were, and what became of them.

    Args:
        designs: All.
        ruled_out: Refused by a constraint on the axes alone, before anything was computed; they are not in the table.
        impossible: The laser would need more than a megawatt; their figures are NaN.
        feasible: Possible, and within every constraint.
        refused: Constraint -> designs that it refuses. A design that two refuse counts in both. Constraints on axes
            are asked of all designs, those on figures of the possible ones among the evaluated.
    """

    designs: int = 0
    ruled_out: int = 0
    impossible: int = 0
    feasible: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def evaluated(self) -> int:
        """Designs that were computed: the rows of the table."""
        return self.designs - self.ruled_out

    def add(self, other: Tally) -> None:
        """Add the counts of another stretch."""
        self.designs += other.designs
        self.ruled_out += other.ruled_out
        self.impossible += other.impossible
        self.feasible += other.feasible
        for text, count in other.refused.items():
            self.refused[text] = self.refused.get(text, 0) + count

    def metadata(self) -> dict[bytes, bytes]:
        """The counts for the schema of a Parquet file."""
        return {TALLY: json.dumps(asdict(self)).encode()}

    @classmethod
    def read(cls, metadata: Mapping[bytes, bytes]) -> Tally:
        """The counts in the metadata of a schema."""
        return cls(**json.loads(metadata[TALLY]))
