"""Exact gradients: scattering and fields as functions of the permittivity that torch differentiates."""
