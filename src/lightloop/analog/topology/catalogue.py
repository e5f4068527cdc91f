"""All circuits there are: the files of `circuits/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files

from lightloop.analog.topology.circuit import Topology

PACKAGE = "lightloop.analog.topology.circuits"


@cache
def all_topologies() -> Mapping[str, Topology]:
    """The circuits by key, in the order of their keys."""
    names = sorted(path.name.removesuffix(".py") for path in files(PACKAGE).iterdir() if path.name.endswith(".py"))
    found = [import_module(f"{PACKAGE}.{name}").TOPOLOGY for name in names if name != "__init__"]
    return {topology.key: topology for topology in sorted(found, key=lambda topology: topology.key)}
