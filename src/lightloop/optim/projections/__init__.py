"""Projections of a gradient on few rows, and the random numbers that they are drawn from."""
