"""Scattering over wavelengths and geometry."""
