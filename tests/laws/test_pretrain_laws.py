"""Laws of language modelling: probability, causality, position, entropy, and the arithmetic of a loss."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lightloop.pretrain.data import draw_batch, tile
from lightloop.pretrain.evaluation import evaluate
from lightloop.pretrain.model import IGNORED, build, next_token_loss, rotary_table, rotate
from lightloop.pretrain.schedule import rate_factor
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape, shape_of, sizes
from lightloop.pretrain.tokenizer import byte_tokenizer, train_bpe
from lightloop.pretrain.trainer import train

FLOAT32_SUM = 1e-5  # relative rounding of sums of a few hundred float32 numbers
SMALL = ModelShape(vocab=50, hidden=32, intermediate=48, heads=4, layers=2, context=24)

# Millions of parameters at 32000 tokens: APOLLO's models (arXiv 2412.05270) and LLaMA's (arXiv 2302.13971).
PUBLISHED_MILLIONS = {
    "60m": 58.07,
    "130m": 134.11,
    "350m": 367.97,
    "1b": 1339.08,
    "7b": 6738.42,
    "13b": 13015.86,
}
PUBLISHED_DIGITS = 0.005


@pytest.mark.parametrize("size", sizes())
def test_parameters_are_those_of_the_closed_form(size: str) -> None:
    shape = shape_of(size, vocab=32_000)
    model = build(shape, device="meta")
    assert sum(weight.numel() for weight in model.parameters()) == shape.parameters


@pytest.mark.parametrize(("size", "millions"), PUBLISHED_MILLIONS.items())
def test_named_sizes_have_the_published_number_of_parameters(size: str, millions: float) -> None:
    assert shape_of(size, vocab=32_000).parameters / 1e6 == pytest.approx(millions, abs=PUBLISHED_DIGITS)


def test_the_future_does_not_change_the_past() -> None:
    model = build(SMALL, seed=1)
    tokens_bt = torch.arange(24).unsqueeze(0)
    changed_bt = tokens_bt.clone()
    changed_bt[0, 15] = 40
    with torch.no_grad():
        before, after = model(tokens_bt), model(changed_bt)
    torch.testing.assert_close(before[:, :15], after[:, :15], rtol=FLOAT32_SUM, atol=FLOAT32_SUM)
    assert (before[:, 15:] - after[:, 15:]).abs().amax(-1).min() > 1e-4  # and every later position sees it


def test_a_rotation_by_position_keeps_lengths() -> None:
    x_bntd = _normal(2, 3, 16, 8)
    turned = rotate(x_bntd, *rotary_table(16, 8))
    torch.testing.assert_close(turned.norm(dim=-1), x_bntd.norm(dim=-1))


def test_scores_depend_on_distance_only() -> None:
    query_d, key_d = _normal(8), _normal(8)
    cos_te, sin_te = rotary_table(40, 8)
    queries = rotate(query_d.expand(1, 1, 40, 8), cos_te, sin_te)[0, 0]
    keys = rotate(key_d.expand(1, 1, 40, 8), cos_te, sin_te)[0, 0]
    scores = queries @ keys.T
    for distance in (-7, 0, 1, 13):
        along = scores.diagonal(distance)
        torch.testing.assert_close(along, along[0].expand_as(along), rtol=1e-4, atol=1e-4)


def test_an_untrained_model_knows_nothing() -> None:
    """Its logits are narrow (std σ√h = 0.23), so its loss is ln V + σ²h/2 up to sampling."""
    model = build(shape_of("tiny", vocab=1000, context=64), seed=3)
    tokens_bt = torch.randint(0, 1000, (8, 65), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        loss = next_token_loss(model(tokens_bt[:, :-1]), tokens_bt[:, 1:]).item()
    assert loss == pytest.approx(math.log(1000) + 128 * 0.02**2 / 2, abs=0.05)


def test_weights_are_drawn_with_the_published_spread_and_by_their_seed_alone() -> None:
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first = build(SMALL, seed=5)
    assert torch.equal(state, torch.get_rng_state())
    second, other = build(SMALL, seed=5), build(SMALL, seed=6)
    weights = torch.cat([weight.detach().flatten() for weight in first.parameters() if weight.ndim > 1])
    assert weights.std().item() == pytest.approx(0.02, rel=0.03)  # 3 % is six deviations at 22 k weights
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_every_text_survives_tokens_and_keeps_its_bytes(text: str) -> None:
    for tokenizer in (BYTES, BPE):
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens) == text
        assert tokenizer.byte_lengths[tokens].sum() == len(text.encode())


def test_the_same_text_gives_the_same_tokenizer() -> None:
    assert train_bpe(PROSE, 300).to_json() == BPE.to_json()


def test_windows_predict_every_token_once() -> None:
    tokens = BPE.encode(PROSE)
    windows = tile(PROSE, BPE, 32)
    counted = windows.targets_wt != IGNORED
    assert np.array_equal(windows.targets_wt[counted].numpy(), tokens[1:])
    assert np.array_equal(windows.inputs_wt[counted].numpy(), tokens[:-1])
    assert windows.tokens == len(tokens) - 1
    assert windows.bytes == len(PROSE.encode()) - BPE.byte_lengths[tokens[0]]


def test_fewer_windows_are_spread_over_the_text_and_count_their_own_bytes() -> None:
    every, few = tile(PROSE, BPE, 16), tile(PROSE, BPE, 16, at_least=64)
    assert len(few.inputs_wt) == 4 and few.tokens == 64
    assert torch.equal(few.inputs_wt[0], every.inputs_wt[0])
    assert torch.equal(few.inputs_wt[-1], every.inputs_wt[every.tokens // 16 - 1])
    counted = few.targets_wt[few.targets_wt != IGNORED].numpy()
    assert few.bytes == BPE.byte_lengths[counted].sum()


def test_the_loss_does_not_depend_on_how_windows_are_batched() -> None:
    """A known trap: counting batches from one makes every loss too small by N / (N + 1)."""
    model = build(ModelShape(BPE.vocab, 32, 48, 4, 1, 16), seed=2)
    windows = tile(PROSE, BPE, 16)
    losses = [evaluate(model, windows, batch).loss for batch in (1, 3, 1000)]
    assert losses == pytest.approx([losses[0]] * 3, rel=FLOAT32_SUM)
    with torch.no_grad():
        logits = model(windows.inputs_wt).double()
    exact = nn.functional.cross_entropy(logits.flatten(0, 1), windows.targets_wt.flatten()).item()
    assert losses[0] == pytest.approx(exact, rel=FLOAT32_SUM)


def test_a_uniform_guess_costs_the_logarithm_of_the_alphabet() -> None:
    measured = evaluate(_Uniform(256), tile(PROSE, BYTES, 20))
    assert measured.loss == pytest.approx(math.log(256), rel=FLOAT32_SUM)
    assert measured.nats_per_byte == pytest.approx(math.log(256), rel=FLOAT32_SUM)
    assert measured.perplexity == pytest.approx(256, rel=1e-3)
    assert measured.tokens == len(PROSE.encode()) - 1


@given(step=st.integers(0, 2**40), seed=st.integers(0, 2**63 - 1))
@settings(max_examples=30, deadline=None)
def test_a_batch_is_a_function_of_seed_and_step(step: int, seed: int) -> None:
    tokens = np.arange(500, dtype=np.int32)
    inputs_bt, targets_bt = draw_batch(tokens, step, seed=seed, batch=3, context=7)
    again, _ = draw_batch(tokens, step, seed=seed, batch=3, context=7)
    other, _ = draw_batch(tokens, step + 1, seed=seed, batch=3, context=7)
    assert torch.equal(inputs_bt, again) and not torch.equal(inputs_bt, other)
    assert torch.equal(inputs_bt + 1, targets_bt)  # the text counts upward
    assert inputs_bt.shape == (3, 7) and targets_bt.max() < 500


def test_batches_reach_every_place_of_the_text_equally() -> None:
    tokens = np.arange(20, dtype=np.int32)
    starts = torch.cat([draw_batch(tokens, s, seed=0, batch=100, context=15)[0][:, 0] for s in range(50)])
    counts = torch.bincount(starts, minlength=5)
    assert len(counts) == 5  # 20 tokens hold 5 sequences of 15 inputs and their targets
    assert (counts - 1000).abs().max() < 5 * math.sqrt(1000)  # five deviations of a Poisson count


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    rates = [rate_factor(t, steps=100, warmup_fraction=0.1, min_fraction=0.2) for t in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (t + 1) for t in range(10)])
    assert max(rates) == rates[9] == 1.0
    assert all(a > b for a, b in pairwise(rates[9:]))
    assert rates[54] == pytest.approx(0.6)  # half way down
    assert rates[-1] == pytest.approx(0.2)


def test_training_reaches_the_entropy_of_its_source_and_not_less(tmp_path: Path) -> None:
    """Text of a Markov chain of entropy rate H: Shannon's bound is H nats for each letter."""
    text, entropy, deviation = _markov_text(letters="abcd ", length=60_000, seed=4)
    (tmp_path / "chain.txt").write_text(text)
    run = PretrainSettings.model_validate(
        {
            "model": {"hidden": 32, "intermediate": 64, "heads": 2, "layers": 1, "context": 32},
            "text": {"files": [str(tmp_path / "chain.txt")], "tokenizer": "bytes", "held_out": 0.2},
            "train": {"steps": 250, "batch": 16, "lr": 1e-2, "eval_every": 250},
        }
    )
    loss = train(run, tmp_path / "run").final_val_loss
    letters = np.array(list(text))
    shares = np.unique(letters, return_counts=True)[1] / len(letters)
    without_memory = -(shares * np.log(shares)).sum()
    assert loss > entropy - 4 * deviation
    assert loss < entropy + 0.05 * (without_memory - entropy) + 4 * deviation


@pytest.mark.parametrize("optimizer", ["adamw", "apollo", "apollo-mini", "sgd"])
def test_an_interrupted_run_ends_in_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    run = _tiny_run(tmp_path, optimizer)
    whole = train(run, tmp_path / "whole")
    for stop in (3, 7, 6, 11):  # before the first checkpoint, after it, right after resuming, after the second

        def interrupt(step: int, loss: float, last: int = stop) -> None:
            if step >= last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(run, tmp_path / "broken", resume=True, on_step=interrupt)
    resumed = train(run, tmp_path / "broken", resume=True)
    assert _without_time(resumed.to_dict()) == _without_time(whole.to_dict())
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


PROSE = "It was the best of times, it was the worst of times; ‘twas the age of wisdom — æ.\n" * 12
BYTES = byte_tokenizer()
BPE = train_bpe(PROSE, 300)


class _Uniform(nn.Module):
    """Gives every token the same probability; has no weights at all."""

    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.vocab = vocab

    def forward(self, tokens_bt: Tensor) -> Tensor:
        return torch.zeros(*tokens_bt.shape, self.vocab)


def _normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _tiny_run(folder: Path, optimizer: str) -> PretrainSettings:
    (folder / "prose.txt").write_text(PROSE, encoding="utf-8")
    return PretrainSettings.model_validate(
        {
            "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 1, "context": 12},
            "text": {"files": [str(folder / "prose.txt")], "vocab": 280, "held_out": 0.2},
            "train": {
                "optimizer": optimizer,
                "steps": 14,
                "batch": 3,
                "update_gap": 4,
                "grad_clip": 1.0,
                "eval_every": 4,
                "eval_tokens": 30,
                "checkpoint_every": 5,
            },
        }
    )


def _without_time(table: dict) -> dict:
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in table["history"]]
    return {**table, "history": rows, "seconds": None}


def _markov_text(letters: str, length: int, seed: int) -> tuple[str, float, float]:
    """A text of a random Markov chain, its entropy rate, and one deviation of a fifth of it about that rate."""
    rng = np.random.default_rng(seed)
    transition = rng.dirichlet(np.full(len(letters), 0.4), size=len(letters))
    cumulative = transition.cumsum(axis=1)
    states = [0]
    for draw in rng.random(length - 1):
        states.append(min(int(np.searchsorted(cumulative[states[-1]], draw)), len(letters) - 1))
    values, vectors = np.linalg.eig(transition.T)
    stationary = np.real(vectors[:, np.argmax(values.real)])
    stationary /= stationary.sum()
    surprise = -np.log(np.maximum(transition, 1e-300))
    entropy = float((stationary[:, None] * transition * surprise).sum())
    spread = float((stationary[:, None] * transition * (surprise - entropy) ** 2).sum())
    return "".join(letters[state] for state in states), entropy, math.sqrt(spread / (length / 5))
