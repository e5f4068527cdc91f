"""Loading a saved state, and refusing one that does not fit."""
