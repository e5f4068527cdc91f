"""Memory of APOLLO and its rivals as published and as counted from the published formulas.

arXiv 2412.05270: Table 1 (numbers kept for a matrix), Table 3 (1.6 and 0.0 GB for LLaMA-7B, which leaves out the
embedding and the head), and a LLaMA-7B trained in less than 12 GB.
"""

from __future__ import annotations

import pytest

from lightloop.pretrain.plan import plan_training
from lightloop.pretrain.shapes import shape_of

PRINTED_DIGITS = 5e-4  # half of the last digit of figures in GB with three decimals
FOUR_DIGITS = 5e-4  # the same, relative, for figures of four digits

# GB in bfloat16 at 32000 tokens: weights, AdamW, GaLore r = h/4, APOLLO r = h/4, APOLLO r = 256, Mini.
TRUE_GB = {
    "60m": (0.116, 0.232, 0.164, 0.156, 0.182, 0.131),
    "130m": (0.268, 0.536, 0.306, 0.282, 0.310, 0.197),
    "350m": (0.736, 1.472, 0.653, 0.565, 0.565, 0.264),
    "1b": (2.678, 5.356, 2.085, 1.733, 1.129, 0.527),
    "7b": (13.48, 26.95, 9.405, 7.526, 2.669, 1.056),
    "13b": (26.03, 52.06, 17.67, 14.00, 3.850, 1.322),
}


@pytest.mark.parametrize(("size", "printed"), TRUE_GB.items())
def test_states_are_those_of_the_formulas(size: str, printed: tuple[float, ...]) -> None:
    quarter = shape_of(size).hidden // 4
    adamw = plan_training(size, "adamw").memory
    chosen = [("galore", quarter), ("apollo", quarter), ("apollo", 256), ("apollo-mini", None)]
    states = [plan_training(size, name, rank=rank).memory.optimizer_bytes for name, rank in chosen]
    found = [size_bytes / 1e9 for size_bytes in (adamw.weights_bytes, adamw.optimizer_bytes, *states)]
    assert found == pytest.approx(printed, abs=PRINTED_DIGITS, rel=FOUR_DIGITS)


@pytest.mark.parametrize(
    ("optimizer", "low_rank_gb", "paper_gb"), [("apollo", 1.619, 1.6), ("apollo-mini", 0.006, 0.0)]
)
def test_the_paper_counts_the_projected_matrices_of_7b_only(
    optimizer: str, low_rank_gb: float, paper_gb: float
) -> None:
    found = plan_training("llama-7b", optimizer, rank=256 if optimizer == "apollo" else None).memory
    assert found.optimizer_low_rank_bytes / 1e9 == pytest.approx(low_rank_gb, abs=PRINTED_DIGITS)
    assert found.optimizer_low_rank_bytes / 1e9 == pytest.approx(paper_gb, abs=0.05)


def test_llama_7b_trains_in_less_than_12_gb() -> None:
    found = plan_training("llama-7b", "q-apollo-mini", weights="int8", batch=1, tokens=256, layerwise=True)
    assert found.memory.total_bytes < 12e9
    assert found.fits == {24: True, 40: True, 80: True, 141: True}
    # 6.48 GB of int8, 0.20 of scales and zeros, 0.52 of embedding and head; 8-bit Adam on the last two.
    assert found.memory.weights_bytes / 1e9 == pytest.approx(6.48 + 0.20 + 0.52, abs=0.015)
    assert found.memory.optimizer_bytes / 1e9 == pytest.approx(0.53 + 0.006, abs=0.005)


def test_adamw_needs_58_gb_and_less_layer_by_layer() -> None:
    """58 GB with activations of 2 to 4 GB, which depend on the kernels; 0.26 GB is the gradient of the head."""
    every = plan_training("llama-7b", "adamw").memory
    layerwise = plan_training("llama-7b", "adamw", layerwise=True).memory
    assert every.total_bytes / 1e9 == pytest.approx(58, abs=3)
    assert layerwise.total_bytes / 1e9 == pytest.approx(43, abs=1)
    assert layerwise.gradients_bytes == 2 * 32_000 * 4096


def test_measured_states_of_other_packages_at_60m() -> None:
    """MB in float32 measured of torch.optim.Adafactor and of the package adam-mini: all, and projected matrices."""
    measured = {"adafactor": (0.608, 0.313), "adam-mini": (232.688, 101.325), "adamw": (464.589, 202.375)}
    for optimizer, printed in measured.items():
        found = plan_training("60m", optimizer, weights="fp32").memory
        # The package counts steps in Python numbers, ours in 4 bytes for each of 75 tensors, 56 of them projected.
        counts = (4 * 75, 4 * 56) if optimizer == "adam-mini" else (0, 0)
        held = (found.optimizer_bytes - counts[0], found.optimizer_low_rank_bytes - counts[1])
        assert [size / 1e6 for size in held] == pytest.approx(printed, abs=PRINTED_DIGITS), optimizer
