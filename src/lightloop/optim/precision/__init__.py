"""Moments and weights in fewer bits than the arithmetic."""
