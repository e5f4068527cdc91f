"""One BLAS thread for every test, so that two workers on two cores do not fight."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lightloop.spice import Simulator

# Read by the BLAS libraries when they load, which happens after this file; worker processes inherit it.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that no worker waits for it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def program(repository: Path) -> Callable[[str], ModuleType]:
    """A program of the repository, such as `benchmarks/analog_mutants.py`, as a module."""

    def load(path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(path).stem, repository / path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def ngspice_script(tmp_path: Path) -> Callable[..., Simulator]:
    """A simulator whose program is a script; the file wall would not let the script's interpreter start."""
    from lightloop.spice import Limits, Sandbox, Simulator

    def make(script: str, wall_s: float = 1.0) -> Simulator:
        path = tmp_path / "ngspice"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Simulator(program=path, sandbox=Sandbox(level="rlimit", limits=Limits(wall_s=wall_s, cpu_s=1)))

    return make


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `lightloop ARGUMENTS...` as a user would, in a folder of its own."""

    def run(*arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lightloop", *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `lightloop ARGUMENTS...` in this process, which is faster: exit code, stdout, stderr."""
    from lightloop.cli.main import main

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return call
