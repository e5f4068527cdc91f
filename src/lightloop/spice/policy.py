"""What a deck may contain: one table for strangers' decks, a wider one for decks of lightloop's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_MOS_1 = (
    "level vto kp gamma phi lambda rd rs cbd cbs is pb cgso cgdo cgbo rsh cj mj cjsw mjsw js tox nsub nss nfs tpg xj ld"
    " uo u0 kf af fc tnom"
)
_BIPOLAR = (
    "level is bf nf vaf va ikf ik ise ne br nr var vb ikr isc nc rb irb rbm re rc cje vje pe mje me tf xtf vtf itf ptf"
    " cjc vjc pc mjc mc xcjc tr cjs vjs ps mjs ms xtb eg xti kf af fc tnom"
)
_DIODE = "level is js jsw tnom rs n ns tt cjo cj0 vj m mjsw cjp php bv ibv ik ikr eg xti kf af fc area pj"

# Model type -> names of the numbers that it may have.
MODEL_PARAMETERS: dict[str, frozenset[str]] = {
    "nmos": frozenset(_MOS_1.split()),
    "pmos": frozenset(_MOS_1.split()),
    "npn": frozenset(_BIPOLAR.split()),
    "pnp": frozenset(_BIPOLAR.split()),
    "d": frozenset(_DIODE.split()),
}
TRUSTED_MODEL_PARAMETERS: dict[str, frozenset[str]] = {
    **MODEL_PARAMETERS,
    "sw": frozenset(["vt", "vh", "ron", "roff"]),
    "csw": frozenset(["it", "ih", "ron", "roff"]),
}


@dataclass(frozen=True)
class Policy:
    """What the linter lets through.

    Args:
        kinds: Letters of elements.
        cards: Dot-cards that are read.
        left_out: Dot-cards that are dropped with a warning.
        models: Model types, each with the names of its parameters.
        wave_nodes: Nodes whose source may have a time function (the checker replaces it); `*` is every node.
        keep_ac: Whether the AC values of sources are kept; dropped with a warning otherwise.
        supplied_models: Models that come from a library, by name.
        supplied_subcircuits: Subcircuits that come from a library: name -> number of ports.
        only_parts: Whether a deck of subcircuits and models without elements is accepted.
        max_bytes: Length of the text.
        max_elements: Elements as written.
        max_expanded: Elements after all subcircuits are put in place.
        max_cards: Logical lines of any kind.
        max_depth: Subcircuits within subcircuits.
        max_line: Characters of a logical line.
    """

    kinds: frozenset[str] = frozenset("rclvimdqxk")
    cards: frozenset[str] = frozenset({".model", ".param", ".subckt", ".ends"})
    left_out: frozenset[str] = frozenset({".ic", ".nodeset"})
    models: Mapping[str, frozenset[str]] = field(default_factory=lambda: MODEL_PARAMETERS)
    wave_nodes: frozenset[str] = frozenset()
    keep_ac: bool = False
    supplied_models: frozenset[str] = frozenset()
    supplied_subcircuits: Mapping[str, int] = field(default_factory=dict)
    only_parts: bool = False
    max_bytes: int = 65_536
    max_elements: int = 500
    max_expanded: int = 5_000
    max_cards: int = 1_000
    max_depth: int = 8
    max_line: int = 4_096

    def with_inputs(self, *nodes: str) -> Policy:
        """The same with more nodes whose sources may have a time function."""
        return replace(self, wave_nodes=self.wave_nodes | {node.lower() for node in nodes})

    def with_library(self, subcircuits: Mapping[str, int], models: frozenset[str] = frozenset()) -> Policy:
        """The same with subcircuits (name -> number of ports) and models that the caller supplies."""
        ports = {name.lower(): count for name, count in subcircuits.items()}
        return replace(
            self,
            supplied_subcircuits={**self.supplied_subcircuits, **ports},
            supplied_models=self.supplied_models | {name.lower() for name in models},
        )


STRANGER = Policy()
TRUSTED = Policy(
    kinds=STRANGER.kinds | frozenset("efghbsw"),
    cards=STRANGER.cards | frozenset({".ic", ".nodeset", ".temp", ".options", ".global"}),
    left_out=frozenset(),
    models=TRUSTED_MODEL_PARAMETERS,
    wave_nodes=frozenset("*"),
    only_parts=True,
    keep_ac=True,
)
