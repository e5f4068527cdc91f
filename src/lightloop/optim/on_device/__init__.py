"""Steps without a word from the host, in torch and in Triton."""
