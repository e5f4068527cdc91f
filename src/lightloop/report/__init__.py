"""Figures and the one-file HTML report.

A page knows nothing of engines: the loop hands it sections of text, figures and tables.
"""
