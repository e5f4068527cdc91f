"""The recipe for several processes runs, saves, and goes on with another number of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

# Two processes on a busy machine.
PATIENCE_S = 900
# Half of the last printed digit of a loss, and one more for the other order of sums.
PRINTED = 1.5e-4


def loss_at_the_end(repository: Path, folder: Path, processes: int, *arguments: str) -> float:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    script = str(repository / "examples" / "distributed_training.py")
    options = ["--text", str(folder / "text.txt"), "--steps", "8", "--save-every", "4", *arguments]
    done = subprocess.run(
        [*command, script, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return float(re.findall(r"step 8: loss (\S+) nats", done.stdout)[0])


def test_two_sharded_processes_save_and_one_whole_process_goes_on(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("In the beginning was the word, and it was short. " * 400)
    straight = loss_at_the_end(repository, tmp_path, 2, "--mode", "fsdp2", "--out", "two")
    resumed = loss_at_the_end(repository, tmp_path, 1, "--mode", "ddp", "--out", "one", "--resume", "two/step-4")
    assert abs(straight - resumed) <= PRINTED
    assert (tmp_path / "one" / "step-8" / ".metadata").exists()
