"""Counting backward passes, and doing with each gradient what its pass asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim.backward import checks
from lightloop.optim.backward.norm import RandomState, clip, refuse_unrepeatable, total_norm
from lightloop.optim.backward.state import COUNTS, kept_gradients, put_back, refuse_misfit
from lightloop.optim.backward.tensors import Place, places, step_alone


class FusedBackward:
    """What `fuse_backward` returns.

    Attributes:
        optimizer: The one that is stepped.
        step_count: Steps taken.
        micro_batches: Backward passes whose gradients are kept for the step to come, 0 to k − 1.
        gradient_norm: Of the last step, before clipping; None without `max_norm`.
    """

    def __init__(self, optimizer: Optimizer, accumulate: int, average: bool, max_norm: float | None) -> None:
        self.optimizer, self.accumulate, self.average, self.max_norm = optimizer, accumulate, average, max_norm
        self.step_count, self.micro_batches = 0, 0
        self.gradient_norm: Tensor | None = None
        self._take: Callable[[Tensor], None] | None = self._idle()
        self._pass: int | None = None  # torch's number of the backward pass that is under way
        self._places: dict[Tensor, Place] = places(optimizer)
        self._norms: dict[Tensor, Tensor] = {}
        self._in_closure = self._concluding = False
        self._lock = threading.RLock()  # gradients of several devices arrive in several threads
        self._hooks = [optimizer.register_step_pre_hook(self._refuse_step), *map(self._attach, self._places)]
        setattr(optimizer, checks.NAMED, True)

    def step(self, closure: Callable[[], Any]) -> Any:
        """Take one step on what `closure` evaluates, clipped if the handle has a `max_norm`.

        Args:
            closure: Makes k backward passes and returns the loss. With `max_norm` it is called twice, with the
                same numbers from torch's own random generators, and must take the same data both times;
                running statistics, as of BatchNorm, see the data twice. It need not clear gradients.

        Returns:
            What the first call of `closure` returned.

        Raises:
            InputError: The closure made another number of passes, or gave other gradients when called again.
        """
        if self.micro_batches:
            raise InputError(f"{self.micro_batches} micro-batches are kept already", hint="call flush() or discard()")
        if self.max_norm is None:
            return self._evaluate(closure, self._step_tensor)
        random_state = RandomState.now(self._places)
        loss = self._evaluate(closure, self._measure)
        norm = total_norm(self._places, self._norms)
        self.gradient_norm = norm
        random_state.restore()
        self._evaluate(closure, self._step_tensor)
        refuse_unrepeatable(norm, total_norm(self._places, self._norms))
        return loss

    def flush(self) -> None:
        """Take the step with the micro-batches there are, as at the end of the data; none, no step."""
        self._refuse_half_done()
        if self.micro_batches:
            self._finish(self._step_tensor)

    def discard(self) -> None:
        """Drop what has been accumulated, or what a pass that broke off has left. Weights stay as they are."""
        self.optimizer.zero_grad()
        self._pass, self.micro_batches = None, 0

    def remove(self) -> None:
        """Give `step` back to the optimizer. Gradients that were kept stay where they are."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        if hasattr(self.optimizer, checks.NAMED):
            delattr(self.optimizer, checks.NAMED)

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, the counts and the gradients that are kept: all but the weights.

        Raises:
            InputError: A backward pass is under way or broke off.
        """
        self._refuse_half_done()
        kept = kept_gradients(self.optimizer) if self.micro_batches else {}
        counts = {name: getattr(self, name) for name in COUNTS}
        return {"optimizer": self.optimizer.state_dict(), **counts, "gradients": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            InputError: It is none, or was saved amid a step that this handle would divide otherwise, or has
                gradients of tensors that the optimizer does not have.
        """
        refuse_misfit(state_dict, self.optimizer, self.accumulate)
        self.optimizer.load_state_dict(state_dict["optimizer"])
        self.discard()
        put_back(self.optimizer, state_dict["gradients"])
        self.step_count, self.micro_batches = state_dict["step_count"], state_dict["micro_batches"]

    def _attach(self, weight: Tensor) -> Any:
        """Hook a tensor, frozen or not: torch keeps the hook when `requires_grad` changes, as frozen ones may."""
        frozen = not weight.requires_grad
        weight.requires_grad_(True)
        hook = weight.register_post_accumulate_grad_hook(self._arrived)
        weight.requires_grad_(not frozen)
        return hook

    def _arrived(self, weight: Tensor) -> None:
        """The gradient of `weight` is whole, for this backward pass."""
        with self._lock:
            number = torch._C._current_graph_task_id()
            if number != self._pass:
                self._begin_or_drop(weight, number)
            if self.micro_batches + 1 == self.accumulate:
                assert self._take is not None
                self._take(weight)

    def _begin_or_drop(self, weight: Tensor, number: int) -> None:
        try:
            self._begin(number)
        except InputError:
            # What a refused pass has brought must not be added to the next one.
            if self.micro_batches:
                self._pass = number
            else:
                weight.grad = None
            raise

    def _begin(self, number: int) -> None:
        checks.refuse_nested()
        self._refuse_half_done()
        checks.refuse_processes()
        if self._take is None:
            raise self._not_now()
        self._places = places(self.optimizer)
        # Called when all gradients of the pass have arrived; FSDP waits for the end of backward the same way.
        torch.autograd.Variable._execution_engine.queue_callback(self._end)  # type: ignore[attr-defined]
        self._pass = number

    def _end(self) -> None:
        self._pass = None
        self.micro_batches += 1
        if self.micro_batches == self.accumulate:
            assert self._take is not None
            self._finish(self._take)

    def _finish(self, take: Callable[[Tensor], None]) -> None:
        """Take what is left: tensors that the last micro-batch did not use. Then close the step."""
        for weight in self._places:
            if weight.grad is not None:
                take(weight)
        if take == self._step_tensor:
            self._conclude()
        self.micro_batches = 0
        if self._in_closure:
            self._take = None

    def _conclude(self) -> None:
        """`optimizer.step()`, which finds no gradients, for those who listen: step hooks and schedulers."""
        self._concluding = True
        try:
            self.optimizer.step()
        finally:
            self._concluding = False
        self.step_count += 1

    def _step_tensor(self, weight: Tensor) -> None:
        self._divide(weight)
        if self.max_norm is not None and self.gradient_norm is not None:
            self._norms[weight] = _norm(weight)
            clip(weight, self.max_norm, self.gradient_norm)
        step_alone(self.optimizer, weight, self._places[weight])
        weight.grad = None

    def _measure(self, weight: Tensor) -> None:
        self._divide(weight)
        self._norms[weight] = _norm(weight)
        weight.grad = None

    def _divide(self, weight: Tensor) -> None:
        if self.average and weight.grad is not None:
            weight.grad.div_(self.micro_batches + (self._pass is not None))

    def _evaluate(self, closure: Callable[[], Any], take: Callable[[Tensor], None]) -> Any:
        self.discard()
        self._norms, self._take, self._in_closure = {}, take, True
        try:
            with torch.enable_grad():
                loss = closure()
            if self._take is not None:
                raise self._too_few()
        finally:
            self._take, self._in_closure = self._idle(), False
            if take == self._measure or self._pass is None:
                self.discard()
        return loss

    def _idle(self) -> Callable[[Tensor], None] | None:
        """What a backward pass outside of `step(closure)` does with a gradient; None for a pass not allowed."""
        return self._step_tensor if self.max_norm is None else None

    def _not_now(self) -> InputError:
        if self._in_closure:
            return InputError(f"the closure makes more than accumulate={self.accumulate} backward passes")
        return InputError(
            f"max_norm={self.max_norm} needs every batch twice: for the norm of all gradients, then for the step",
            hint="call handle.step(closure), with a closure that calls loss.backward() and returns the loss",
        )

    def _too_few(self) -> InputError:
        return InputError(f"the closure made {self.micro_batches} backward passes, accumulate={self.accumulate}")

    def _refuse_half_done(self) -> None:
        if self._pass is not None:
            raise InputError(
                "a backward pass is under way, or broke off after some tensors had been stepped",
                hint="load a checkpoint, or call handle.discard() to go on with the weights as they are",
            )

    def _refuse_step(self, *_: Any) -> None:
        if not self._concluding:
            raise InputError(
                "optimizer.step() was called, but the step is taken inside backward, by fuse_backward",
                hint="leave the call out; handle.flush() ends a step early, handle.remove() undoes the fusing",
            )


def _norm(weight: Tensor) -> Tensor:
    assert weight.grad is not None
    return vector_norm(weight.grad)
