"""The testbenches, one in each file, which defines `Bench`."""
