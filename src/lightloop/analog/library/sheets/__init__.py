"""How each kind of library entry is measured: one kind in each file."""
