"""Optical neural layers: matrix products on photonic cores, and the conversion of any model to them."""

from __future__ import annotations

from lightloop.onn.convert import convert
from lightloop.onn.cores import CORES, Core, build_core
from lightloop.onn.dot import DotCore
from lightloop.onn.layers import PhotonicLinear, PhotonicMatmul
from lightloop.onn.quantize import quantize
from lightloop.onn.summary import ConversionSummary, conversion_summary

__all__ = [
    "CORES",
    "ConversionSummary",
    "Core",
    "DotCore",
    "PhotonicLinear",
    "PhotonicMatmul",
    "build_core",
    "conversion_summary",
    "convert",
    "quantize",
]
