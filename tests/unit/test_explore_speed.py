"""The bars of the issue for `explore`: CPU time after import, writing included, and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# CPU seconds of all processes, and bytes of the largest one. The published simulator does 17 designs per second.
BARS = {100_000: (1.5, 2e9), 1_000_000: (15.0, 2e9)}
MEASURE = """
import json, os, resource, sys, time
from lightloop.accelerator.exploration.explore import explore
from lightloop.accelerator.exploration.space import Space

count = int(sys.argv[1])
sizes = [4, 6, 8, 10, 12, 14, 16, 20, 24, 32]
space = Space.model_validate({
    "machine": "lt-base", "workloads": ["deit-tiny"], "bits": [4, 8],
    "axes": {
        "core.height": sizes, "core.width": sizes, "core.wavelengths": sizes, "tiles": [1, 2, 4, 6, 8],
        "cores_per_tile": [1, 2], "clock_ghz": {"from": 1, "to": 10, "count": 5},
        "device.mzm.loss_db": {"from": 0.5, "to": 2, "count": count // 100_000},
    },
})
before = os.times()
found = explore(space, sys.argv[2])
after = os.times()
peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "designs": found.tally.evaluated, "cpu_s": sum(after[:4]) - sum(before[:4]),
    "peak_bytes": peak * (1 if sys.platform == "darwin" else 1024),
}))
"""


@pytest.mark.parametrize("count", BARS)
def test_time_and_memory(count: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEASURE, str(count), str(tmp_path / "run")]
    measured = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    cpu_s, peak_bytes = BARS[count]
    assert measured["designs"] == count
    assert measured["cpu_s"] <= cpu_s
    assert measured["peak_bytes"] <= peak_bytes
