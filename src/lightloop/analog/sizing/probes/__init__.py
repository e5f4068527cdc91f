"""The probes, one in each file, which defines `QUANTITIES`, `CIRCUIT`, `analyses` and `read`."""
