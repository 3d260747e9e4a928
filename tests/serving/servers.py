"""Servers in processes of their own."""

import re
import time
from pathlib import Path

LIMIT = 100  # seconds until a server that should have started, or answered, has failed


def address_in(folder: Path) -> str:
    """Where the server that runs in `folder` listens, as soon as it has printed it."""
    until = time.monotonic() + LIMIT
    printed = ""
    while time.monotonic() < until:
        printed = "".join(file.read_text() for file in folder.glob(".out*"))
        if found := re.search(r"^serving at (http://\S+)$", printed, flags=re.MULTILINE):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"no server: {printed}")
