"""Keys come from the environment, and are cut out of every text that could carry them further."""

from __future__ import annotations

import os
import re

CUT = "[redacted]"
SHORTEST = 8  # characters: shorter values are words like "none"
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)


def secrets() -> list[str]:
    """Values of the environment's variables whose names say that they are secret, the longest first."""
    found = {value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def redacted(text: str) -> str:
    """The text without any of the environment's secrets."""
    for secret in secrets():
        text = text.replace(secret, CUT)
    return text
