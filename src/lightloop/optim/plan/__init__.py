"""The memory of a training, by class, before any of it is allocated."""
