"""The design growing, as a GIF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightloop.runs import write_file

Array = np.ndarray[Any, np.dtype[Any]]
# Steps of a design between two frames.
FRAME_EVERY = 3
# Pixels along the longer side, at most; time of a frame and of the last one.
SIDE, FRAME_MS, LAST_MS = 360, 120, 2500
STRIP, INK, PAPER = 18, 20, 255


def write_animation(path: Path, frames: Sequence[Array], captions: Sequence[str]) -> Path:
    """Frames of solid parts in 1/255, each (nx, ny), the solid dark, with a caption below each."""
    pictures = [_picture(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    times = [FRAME_MS] * (len(pictures) - 1) + [LAST_MS]
    first, *others = pictures
    return write_file(
        path,
        lambda temporary: first.save(
            temporary, format="GIF", save_all=True, append_images=others, duration=times, loop=0, optimize=True
        ),
    )


def _picture(frame: Array, caption: str) -> Any:
    from PIL import Image, ImageDraw

    times = max(1, SIDE // max(frame.shape))
    shade = PAPER - (PAPER - INK) * frame.T[::-1].astype(float) / 255.0
    large = np.kron(shade, np.ones((times, times))).astype(np.uint8)
    canvas = np.full((large.shape[0] + STRIP, large.shape[1]), PAPER, dtype=np.uint8)
    canvas[:-STRIP] = large
    picture = Image.fromarray(canvas)
    ImageDraw.Draw(picture).text((4, canvas.shape[0] - STRIP + 3), caption, fill=INK)
    return picture.quantize(16)
