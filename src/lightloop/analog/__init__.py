"""Analog design: tasks with strict limits, checks that an engineer believes, designers, sizing.

Example:
    >>> from lightloop.analog import load_task
    >>> load_task("cascode").ports
    ('Vin', 'Vbias', 'Vout')
"""

from __future__ import annotations

from lightloop.analog.task import Limit, Task, all_tasks, load_task, reference_deck

__all__ = ["Limit", "Task", "all_tasks", "load_task", "reference_deck"]
