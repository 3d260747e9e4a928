"""Files that are fetched once, checked by digest, and kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from utils.errors import PellucidError

_PATIENCE = 20.0  # seconds without an answer


def kept_file(url: str) -> Path:
    """Where the file of this address is kept once it was fetched: in torch.hub's cache."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def fetch_file(url: str, sha256: str, advice: str) -> Path:
    """The kept copy of a file, downloaded where there is none yet.

    Args:
        url: its address; the last part is the name under which it is kept.
        sha256: the whole digest in hexadecimal; another file than this is not kept.
        advice: what to do where it cannot be had: the second line of the error.

    Raises:
        PellucidError: it cannot be downloaded, or what arrives is another file.
    """
    path = kept_file(url)
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with network_patience():
            torch.hub.download_url_to_file(url, str(path), sha256, progress=False)
    except (OSError, RuntimeError) as error:  # no route, a cut, or another file than expected
        reason = str(getattr(error, "reason", error)).partition("\n")[0]
        raise PellucidError(f"{url} cannot be fetched ({reason}).\n{advice}") from error
    return path


@contextmanager
def network_patience() -> Iterator[None]:
    """Give up on a server that stays silent: torch.hub sets no time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
