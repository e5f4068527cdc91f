"""What a step inside backward cannot do is refused with a way out, before a wrong step is taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lightloop.errors import InputError
from lightloop.optim import Apollo
from lightloop.optim.backward import checks
from lightloop.optim.backward.fuse import fuse_backward


def model_and_optimizer() -> tuple[nn.Sequential, Apollo]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 6))
    return model, Apollo(model.named_parameters(), rank=2)


def loss_of(model: nn.Module) -> Tensor:
    return model(torch.ones(2, 6)).sum()


def unchanged(model: nn.Module) -> bool:
    fresh, _ = model_and_optimizer()
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), fresh.parameters(), strict=True))


def test_a_step_by_hand_is_refused() -> None:
    model, optimizer = model_and_optimizer()
    fuse_backward(model, optimizer)
    loss_of(model).backward()
    after = [weight.detach().clone() for weight in model.parameters()]
    with pytest.raises(InputError, match="taken inside backward") as caught:
        optimizer.step()
    assert "leave the call out" in str(caught.value.hint)
    assert all(torch.equal(a, b) for a, b in zip(after, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("accumulate", 0, "an integer >= 1"),
        ("accumulate", 1.5, "an integer >= 1"),
        ("accumulate", True, "an integer >= 1"),
        ("max_norm", 0.0, "a number > 0"),
        ("max_norm", float("nan"), "a number > 0"),
        ("max_norm", "1", "a number > 0"),
    ],
)
def test_a_bad_option_is_named(option: str, value: Any, allowed: str) -> None:
    model, optimizer = model_and_optimizer()
    with pytest.raises(InputError, match=option) as caught:
        fuse_backward(model, optimizer, **{option: value})
    assert allowed in str(caught.value)


def test_an_optimizer_that_couples_its_tensors_is_refused() -> None:
    model, _ = model_and_optimizer()
    with pytest.raises(InputError, match="LBFGS") as caught:
        fuse_backward(model, torch.optim.LBFGS(model.parameters()))
    assert "torch.optim.AdamW" in str(caught.value) and "steps_tensor_by_tensor" in str(caught.value)


def test_a_subclass_with_a_step_of_its_own_is_refused() -> None:
    class Lookahead(torch.optim.AdamW):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    model, _ = model_and_optimizer()
    with pytest.raises(InputError, match="Lookahead"):
        fuse_backward(model, Lookahead(model.parameters()))


def test_fusing_twice_is_refused() -> None:
    model, optimizer = model_and_optimizer()
    fuse_backward(model, optimizer)
    with pytest.raises(InputError, match="already"):
        fuse_backward(model, optimizer)


def test_an_optimizer_of_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="none of the model's"):
        fuse_backward(model_and_optimizer()[0], model_and_optimizer()[1])


def test_sparse_embeddings_are_refused_before_training() -> None:
    model = nn.Sequential(nn.Embedding(5, 4, sparse=True))
    with pytest.raises(InputError, match="gradient of 0 is sparse"):
        fuse_backward(model, torch.optim.SGD(model.parameters()))


def test_data_parallel_training_is_refused(tmp_path: Any) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        model, _ = model_and_optimizer()
        wrapped = nn.parallel.DistributedDataParallel(model)
        with pytest.raises(InputError, match="DistributedDataParallel") as caught:
            fuse_backward(wrapped, Apollo(wrapped.named_parameters(), rank=2))
        assert "optimizer.step() after backward" in str(caught.value.hint)
    finally:
        torch.distributed.destroy_process_group()


def test_several_processes_are_refused_at_the_latest_in_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    model, optimizer = model_and_optimizer()
    fuse_backward(model, optimizer)
    monkeypatch.setattr(checks.torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(checks.torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(InputError, match="2 processes"):
        loss_of(model).backward()
    assert unchanged(model)


def test_reentrant_checkpointing_is_refused() -> None:
    """Its inner backward passes would step a tensor that two segments share after the first of them."""
    model, optimizer = model_and_optimizer()
    fuse_backward(model, optimizer)
    x = torch.ones(2, 6, requires_grad=True)
    with pytest.raises(InputError, match="inside another one") as caught:
        checkpoint(model, x, use_reentrant=True).sum().backward()
    assert "use_reentrant=False" in str(caught.value.hint) and unchanged(model)


def test_reentrant_checkpointing_below_other_layers_is_refused_too() -> None:
    model, optimizer = model_and_optimizer()
    fuse_backward(model, optimizer)
    hidden = checkpoint(model[0], torch.ones(2, 6, requires_grad=True), use_reentrant=True)
    with pytest.raises(InputError, match="inside another one"):
        model[1](hidden).sum().backward()


def test_a_refused_pass_amid_accumulation_must_be_discarded() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, accumulate=3)
    loss_of(model).backward()
    with pytest.raises(InputError, match="inside another one"):
        checkpoint(model, torch.ones(2, 6, requires_grad=True), use_reentrant=True).sum().backward()
    with pytest.raises(InputError, match="broke off"):
        loss_of(model).backward()
    handle.discard()
    loss_of(model).backward()
    assert handle.micro_batches == 1 and unchanged(model)


def test_clipping_without_a_closure_is_refused() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, max_norm=1.0)
    with pytest.raises(InputError, match="every batch twice") as caught:
        loss_of(model).backward()
    assert "handle.step(closure)" in str(caught.value.hint) and unchanged(model)
    handle.step(lambda: loss_of(model).backward())
    assert handle.step_count == 1


@pytest.mark.parametrize(("passes", "message"), [(0, "made 0"), (1, "made 1"), (3, "more than accumulate=2")])
def test_a_closure_with_another_number_of_passes_is_refused(passes: int, message: str) -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, accumulate=2, max_norm=1.0)
    with pytest.raises(InputError, match=message):
        handle.step(lambda: [loss_of(model).backward() for _ in range(passes)])
    assert unchanged(model) and handle.step_count == 0
    handle.step(lambda: [loss_of(model).backward() for _ in range(2)])
    assert handle.step_count == 1


def test_a_closure_that_takes_new_data_each_time_is_found_out() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, max_norm=1.0)
    sizes = iter([1.0, 2.0])
    with pytest.raises(InputError, match="when it was called again"):
        handle.step(lambda: (next(sizes) * loss_of(model)).backward())


def test_a_closure_that_fails_leaves_nothing_behind() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, accumulate=2, max_norm=1.0)

    def closure() -> None:
        loss_of(model).backward()
        raise RuntimeError("out of data")

    with pytest.raises(RuntimeError, match="out of data"):
        handle.step(closure)
    assert unchanged(model) and handle.micro_batches == 0
    assert all(weight.grad is None for weight in model.parameters())


def test_a_pass_that_broke_off_is_not_gone_on_from_in_silence() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer)

    def fail(_: Tensor) -> None:
        raise MemoryError

    hidden = model[0](torch.ones(2, 6))
    hook = hidden.register_hook(fail)
    with pytest.raises(MemoryError):
        model[1](hidden).sum().backward()
    for refused in (loss_of(model).backward, handle.state_dict, handle.flush):
        with pytest.raises(InputError, match="broke off"):
            refused()
    hook.remove()
    handle.discard()
    loss_of(model).backward()
    assert handle.step_count == 1


def test_a_closure_amid_accumulation_is_refused() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, accumulate=2)
    loss_of(model).backward()
    with pytest.raises(InputError, match="1 micro-batches are kept"):
        handle.step(lambda: loss_of(model).backward())


def test_states_that_do_not_fit_are_refused() -> None:
    model, optimizer = model_and_optimizer()
    handle = fuse_backward(model, optimizer, accumulate=3)
    loss_of(model).backward()
    saved = handle.state_dict()
    other = fuse_backward(*model_and_optimizer(), accumulate=2)
    with pytest.raises(InputError, match="accumulate=3, not 2"):
        other.load_state_dict(saved)
    with pytest.raises(InputError, match="lacks"):
        other.load_state_dict(optimizer.state_dict())
    third = fuse_backward(*model_and_optimizer(), accumulate=3)
    with pytest.raises(InputError, match="elsewhere"):
        third.load_state_dict({**saved, "gradients": {"elsewhere": torch.ones(3)}})
