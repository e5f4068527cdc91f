"""How fast the simulator is: all cases of the published table in one process, and one run from a cold shell.

    python benchmarks/accelerator_reference.py [--json] [--peer FOLDER]

`--peer` is the `hardware_simulator` folder of a checkout of the published simulator (GPL, not on PyPI); its own command
is then timed beside ours on the same workload and machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from lightloop import accelerator

MACHINES = accelerator.machine_names()
WORKLOADS = (
    ("deit-tiny", 197), ("deit-small", 197), ("deit-base", 197), ("bert-base", 128), ("bert-base", 384),
    ("bert-large", 320),
)  # fmt: skip
REPEATS = 5


def all_cases() -> int:
    count = 0
    for bits in (4, 8):
        for name in MACHINES:
            machine = accelerator.machine(name, bits=bits)
            accelerator.describe(machine)
            for workload, tokens in WORKLOADS:
                accelerator.simulate(machine, accelerator.workload(workload, tokens=tokens), mode="compat")
                count += 1
    return count


def cpu_seconds_of_all_cases() -> tuple[int, float, float]:
    """Number of cases, CPU seconds of the first pass (files are read and formulas compiled), and of a warm one."""
    began = time.process_time()
    count = all_cases()
    first = time.process_time() - began
    warm = []
    for _ in range(REPEATS):
        began = time.process_time()
        all_cases()
        warm.append(time.process_time() - began)
    return count, first, statistics.median(warm)


def command_seconds(command: list[str], folder: Path | None = None) -> tuple[float, float]:
    """Median wall and CPU seconds of a command."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        walls.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(walls), statistics.median(cpus)


def peer_seconds(folder: Path) -> tuple[float, float]:
    # Its configuration is given as its own scripts give it: it walks up from the path and does not end on other paths.
    command = ["entry_energy_latency_workload.py", "-e", "bench", "--model_name", "deit-t", "--tokens", "197"]
    return command_seconds([sys.executable, *command, "--config", "./params/device_params/Dota_B_4bit.yaml"], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", type=Path)
    options = parser.parse_args()
    count, first, warm = cpu_seconds_of_all_cases()
    ours = [sys.executable, "-m", "lightloop", "accelerator", "run", "lt-base", "deit-tiny", "--json"]
    wall, cpu = command_seconds(ours)
    result = {
        "cases": count,
        "all_cases_first_cpu_s": first,
        "all_cases_warm_cpu_s": warm,
        "cold_shell_wall_s": wall,
        "cold_shell_cpu_s": cpu,
    }
    if options.peer:
        peer_wall, peer_cpu = peer_seconds(options.peer)
        result |= {"peer_wall_s": peer_wall, "peer_cpu_s": peer_cpu, "peer_over_ours_wall": peer_wall / wall}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:24} {value:.4g}")


if __name__ == "__main__":
    main()
