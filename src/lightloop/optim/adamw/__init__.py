"""AdamW for the tensors that are not projected."""
