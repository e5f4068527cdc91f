"""The 2 x 2 coupler of an optical dot product: its response over the channels, and its tuning."""
