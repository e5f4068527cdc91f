"""A state that is not one of this optimizer and these tensors is refused before any of it is loaded."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.optim import AdamMini, Scale


def stepped(kind: Any, width: int) -> tuple[nn.Linear, Any]:
    model = nn.Linear(width, 6)
    optimizer = kind(model.named_parameters(), lr=1e-3)
    model(torch.ones(2, width)).sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.mark.parametrize("kind", [AdamMini, Scale])
@pytest.mark.parametrize("other", [torch.optim.AdamW, AdamMini])
def test_another_state_is_refused_and_nothing_is_lost(kind: Any, other: Any) -> None:
    _, optimizer = stepped(kind, 4)
    _, foreign = stepped(other, 4 if other is not kind else 5)
    before = {name: value.clone() for state in optimizer.state.values() for name, value in state.items()}
    with pytest.raises(InputError, match="saved state of"):
        optimizer.load_state_dict(foreign.state_dict())
    after = {name: value for state in optimizer.state.values() for name, value in state.items()}
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
