"""Two processes train as one does: whole tensors in each (DDP), or a part of every tensor in each (FSDP2, DTensors).

One pair of processes, over gloo on the CPU, goes through all the cases and leaves what it found in a file.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, param_groups

WORLD = 2
STEPS = 60
# Between runs that add the same float32 numbers in another order, over 60 steps at weights of size 1.
SAME = 1e-6
# A busy machine starts two processes and takes some 2000 collective steps in this time.
PATIENCE_S = 900
INPUTS = 24

MAKERS: dict[str, Callable[[nn.Module], Apollo]] = {
    "gaussian": lambda model: Apollo(param_groups(model, rank=4), lr=1e-3, weight_decay=0.1, update_gap=25),
    "rademacher": lambda model: Apollo(param_groups(model, rank=4), lr=1e-3, projection="rademacher", scale="auto"),
    "sparse": lambda model: Apollo(param_groups(model, rank=16), lr=1e-3, projection="sparse", update_gap=25),
    "mini": lambda model: Apollo.mini(param_groups(model), lr=1e-3, scale=2.0, weight_decay=0.1, update_gap=25),
}

# A tall and a wide matrix, a square one, one with fewer rows than processes, a stack, a kernel, a vector.
SHAPES = {"tall": (41, 24), "wide": (17, 41), "square": (20, 20), "row": (1, 33), "stack": (3, 17, 20), "vector": (5,)}
KERNEL = {"kernel": (7, 3, 3, 3)}


class Model(nn.Module):
    """Odd numbers of rows, so that parts are of different size, and a last layer of which one process has nothing."""

    def __init__(self) -> None:
        super().__init__()
        generator = Generator().manual_seed(0)
        self.up = nn.Linear(INPUTS, 41)
        self.down = nn.Linear(41, 17)
        self.norm = nn.LayerNorm(17)
        self.head = nn.Linear(17, 1)
        with torch.no_grad():
            for weight in self.parameters():
                weight.normal_(0.0, 0.3, generator=generator)

    def forward(self, x_bi: Tensor) -> Tensor:
        return self.head(self.norm(self.down(self.up(x_bi).tanh())))


def train(model: nn.Module, optimizer: Apollo, steps: range, rank: int = 0, world: int = 1) -> list[float]:
    """Steps on this process's share of each batch; the loss at each."""
    losses = []
    for step in steps:
        x_bi = torch.randn(16, INPUTS, generator=Generator().manual_seed(step)).chunk(world)[rank]
        optimizer.zero_grad()
        loss = (model(x_bi) - x_bi.sum(1, keepdim=True).sin()).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@cache
def alone(kind: str) -> list[Tensor]:
    """The weights that one process trains."""
    model = Model()
    train(model, MAKERS[kind](model), range(STEPS))
    return [weight.detach() for weight in model.parameters()]


def whole(tensor: Tensor) -> Tensor:
    return (tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor).detach()


def difference(found: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    return max(float((whole(a) - whole(b)).abs().max()) for a, b in zip(found, expected, strict=True))


def replicated(rank: int) -> dict[str, Any]:
    """DistributedDataParallel: the distance to one process, and whether all processes have the same bits."""
    model = Model()
    wrapped = nn.parallel.DistributedDataParallel(model)
    optimizer = MAKERS["gaussian"](wrapped)
    train(wrapped, optimizer, range(STEPS), rank, WORLD)
    flat = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    every = [torch.empty_like(flat) for _ in range(WORLD)]
    torch.distributed.all_gather(every, flat)
    names = [name for group in optimizer.param_groups for name in group["param_names"]]
    return {
        "difference": difference(model.parameters(), alone("gaussian")),
        "same bits": torch.equal(*every),
        "names": names,
    }


def fully_sharded(rank: int) -> dict[str, float]:
    """FSDP2: the distance to one process for each optimizer."""
    from torch.distributed.fsdp import fully_shard

    found = {}
    for kind, make in MAKERS.items():
        model = fully_shard(Model())
        train(model, make(model), range(STEPS), rank, WORLD)
        found[kind] = difference(model.parameters(), alone(kind))
    return found


def mixed_precision(rank: int) -> dict[str, Any]:
    """FSDP2 with bfloat16 in forward and backward: the losses, and the dtype of weights."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    model = Model()
    fully_shard(model, mp_policy=MixedPrecisionPolicy(torch.bfloat16, torch.float32, torch.float32))
    losses = train(model, Apollo(param_groups(model, rank=4), lr=1e-2), range(20), rank, WORLD)
    narrow = fully_shard(Model().to(torch.bfloat16))
    optimizer = Apollo(param_groups(narrow, rank=4), lr=1e-2, weight_rounding="stochastic", state_dtype="bf16")
    for weight in narrow.parameters():
        weight.grad = torch.ones_like(weight)
    before = [whole(weight).clone() for weight in narrow.parameters()]
    optimizer.step()
    moved = min(float((a - whole(b)).abs().max()) for a, b in zip(before, narrow.parameters(), strict=True))
    return {"losses": losses, "moved": moved}


def parts_of(
    placement: list[Any], shapes: dict[str, tuple[int, ...]], spoiled: int | None, mini: bool = False
) -> float:
    """Distance of DTensors to whole tensors after six steps on given gradients; one is not finite if asked for."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import distribute_tensor

    mesh = init_device_mesh("cpu", (*[1] * (len(placement) - 1), WORLD))

    def parameters() -> dict[str, nn.Parameter]:
        generator = Generator().manual_seed(1)
        return {name: nn.Parameter(torch.randn(shape, generator=generator)) for name, shape in shapes.items()}

    parted = {name: nn.Parameter(distribute_tensor(w.detach(), mesh, placement)) for name, w in parameters().items()}
    expected = parameters()
    make = Apollo.mini if mini else Apollo
    optimizers = [make(named.items(), lr=0.01, update_gap=3) for named in (expected, parted)]
    for step in range(6):
        generator = Generator().manual_seed(step)
        for name, shape in shapes.items():
            grad = torch.randn(shape, generator=generator)
            if step == spoiled:
                grad.view(-1)[-1] = math.nan
            expected[name].grad, parted[name].grad = grad, distribute_tensor(grad, mesh, placement)
        for optimizer in optimizers:
            optimizer.step()
    assert all(len(optimizer.state) == len(shapes) for optimizer in optimizers)
    return difference(parted.values(), expected.values())


def placements(rank: int) -> dict[str, float]:
    from torch.distributed.tensor import Replicate, Shard

    matrices = {name: shape for name, shape in SHAPES.items() if len(shape) > 1}
    return {
        "rows": parts_of([Shard(0)], SHAPES | KERNEL, None),
        "rows, one gradient not finite": parts_of([Shard(0)], SHAPES | KERNEL, 2),
        "rows, mini": parts_of([Shard(0)], SHAPES | KERNEL, 2, mini=True),
        "rows, in each of several replicas": parts_of([Replicate(), Shard(0)], SHAPES | KERNEL, None),
        "columns": parts_of([Shard(1)], matrices, 2),
        "columns, mini": parts_of([Shard(1)], matrices, None, mini=True),
        "whole": parts_of([Replicate()], SHAPES | KERNEL, None),
    }


def refusals(rank: int) -> dict[str, str]:
    """What is said of options, and of a placement, without a step on parts."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (WORLD,))
    cases: dict[str, tuple[tuple[int, ...], int, dict[str, Any]]] = {
        "compat": ((8, 8), 0, {"compat": "apollo-torch"}),
        "int8": ((8, 8), 0, {"state_dtype": "int8"}),
        "kernel": ((8, 4, 3, 3), 1, {}),
    }
    said = {}
    for name, (shape, axis, options) in cases.items():
        weight = nn.Parameter(distribute_tensor(torch.ones(shape), mesh, [Shard(axis)]))
        weight.grad = torch.ones_like(weight)
        with pytest.raises(InputError) as caught:
            Apollo([("layer.weight", weight)], rank=2, **options).step()
        said[name] = str(caught.value)
    return said


def load(model: nn.Module, optimizer: Apollo, folder: Path) -> None:
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

    weights, state = get_state_dict(model, optimizer)
    saved = {"model": weights, "optimizer": state}
    checkpoint.load(saved, checkpoint_id=folder)
    set_state_dict(model, optimizer, model_state_dict=saved["model"], optim_state_dict=saved["optimizer"])


def save(model: nn.Module, optimizer: Apollo, folder: Path) -> None:
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint.state_dict import get_state_dict

    weights, state = get_state_dict(model, optimizer)
    checkpoint.save({"model": weights, "optimizer": state}, checkpoint_id=folder)


def resumed(rank: int, folder: Path) -> dict[str, list[int]]:
    """Goes on from step 20 to 40 in two processes with what one has saved."""
    from torch.distributed.fsdp import fully_shard

    model = fully_shard(Model())
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    optimizer = MAKERS["sparse"](model)
    load(model, optimizer, folder / "one")
    train(model, optimizer, range(20, 40), rank, WORLD)
    save(model, optimizer, folder / "two")
    moments = (optimizer.state[layer.weight]["exp_avg"].to_local() for layer in (model.up, model.down))
    return {name: list(moment.shape) for name, moment in zip(("up", "down"), moments, strict=True)}


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/rendezvous",
        rank=rank,
        world_size=WORLD,
        timeout=timedelta(seconds=PATIENCE_S),
    )
    found: dict[str, Any] = {"resumed": resumed(rank, folder)}
    for case in (replicated, fully_sharded, mixed_precision, placements, refusals):
        found[case.__name__] = case(rank)
    torch.save(found, folder / f"found-{rank}.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    # Gloo's threads outlive the group, and may abort an interpreter that is being taken down (PyTorch pull 179291).
    os._exit(0)


def in_two_processes(folder: Path) -> dict[str, Any]:
    context = torch.multiprocessing.spawn(work, (folder,), nprocs=WORLD, join=False)
    end = time.monotonic() + PATIENCE_S
    try:
        while not context.join(timeout=5.0):
            assert time.monotonic() < end, "the two processes did not end in time"
    finally:
        for process in context.processes:
            process.kill()
    return torch.load(folder / "found-0.pt", weights_only=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    model = Model()
    optimizer = MAKERS["sparse"](model)
    train(model, optimizer, range(20))
    save(model, optimizer, folder / "one")
    return in_two_processes(folder)


def test_data_parallel_processes_stay_the_same_to_the_bit_and_train_as_one_does(found: dict[str, Any]) -> None:
    assert found["replicated"]["same bits"]
    assert found["replicated"]["difference"] <= SAME
    assert sorted(found["replicated"]["names"]) == sorted(name for name, _ in Model().named_parameters())


@pytest.mark.parametrize("kind", MAKERS)
def test_fully_sharded_training_is_that_of_one_process(found: dict[str, Any], kind: str) -> None:
    assert found["fully_sharded"][kind] <= SAME
    assert difference(alone(kind), Model().parameters()) > 1e3 * SAME


def test_mixed_precision_trains(found: dict[str, Any]) -> None:
    losses = found["mixed_precision"]["losses"]
    assert all(map(math.isfinite, losses)) and sum(losses[-5:]) < 0.9 * sum(losses[:5])
    assert found["mixed_precision"]["moved"] > 0


CASES = (
    "rows",
    "rows, one gradient not finite",
    "rows, mini",
    "rows, in each of several replicas",
    "columns",
    "columns, mini",
    "whole",
)


@pytest.mark.parametrize("case", CASES)
def test_parts_of_matrices_stacks_kernels_and_vectors_step_as_the_whole(found: dict[str, Any], case: str) -> None:
    assert found["placements"][case] <= SAME


def test_what_has_no_step_on_parts_is_refused(found: dict[str, Any]) -> None:
    said = found["refusals"]
    assert "compat='apollo-torch'" in said["compat"] and "state_dtype='int8'" in said["int8"]
    assert "layer.weight" in said["kernel"] and "Shard(dim=1)" in said["kernel"]


def test_a_run_goes_on_with_another_number_of_processes(found: dict[str, Any], folder: Path) -> None:
    model = Model()
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    optimizer = MAKERS["sparse"](model)
    load(model, optimizer, folder / "two")
    train(model, optimizer, range(40, STEPS))
    assert difference(model.parameters(), alone("sparse")) <= SAME


def test_channels_that_are_spread_have_their_moments_in_one_process_only(found: dict[str, Any]) -> None:
    """The tall layer's 41 channels are its rows, 21 of them in the first process; the wide layer's are its columns."""
    assert found["resumed"] == {"up": [16, 21], "down": [16, 41]}
