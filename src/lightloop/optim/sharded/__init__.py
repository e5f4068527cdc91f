"""Tensors that several processes hold together."""
