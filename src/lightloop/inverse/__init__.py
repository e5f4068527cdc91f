"""Photonic inverse design: a pattern of two materials that does what a task asks for, found by gradients.

Example:
    >>> from lightloop.inverse.tasks import TASKS
    >>> sorted(TASKS)
    ['bend', 'coupler', 'crossing', 'mode-converter', 'splitter', 'wdm']

`lightloop.inverse.run.design("bend", "runs/bend")` finds one.
"""
