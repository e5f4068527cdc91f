"""The closed loop: a language model is trained, run on a photonic core, and priced; every figure keeps its source."""
