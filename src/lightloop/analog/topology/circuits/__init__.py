"""One circuit in each file: deck, tags, equations."""
