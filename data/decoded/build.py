"""From a config to where decoded pictures are kept."""

from __future__ import annotations

from weakref import WeakValueDictionary

from config import Config
from data.decoded.disk import DiskStore
from data.decoded.memory import MemoryStore
from data.decoded.pictures import DecodedPictures
from data.decoded.store import Store
from utils.distributed import processes_here

# One for all loaders of a process, which share its room, for as long as one of them is there.
_open: WeakValueDictionary[tuple[str, str, float], DecodedPictures] = WeakValueDictionary()


def build_decoded(cfg: Config) -> DecodedPictures | None:
    """What data sets read their pictures through; None where each is decoded each time.

    Raises:
        ConfigError: the operating system has no memory to share.
    """
    kind = cfg.DATASETS.CACHE
    if kind == "none":
        return None
    wanted = kind, cfg.DATASETS.CACHE_DIR, cfg.DATASETS.CACHE_GB
    pictures = _open.get(wanted)
    if pictures is None:
        pictures = _open[wanted] = DecodedPictures(_store(*wanted))
    return pictures


def _store(kind: str, folder: str, gigabytes: float) -> Store:
    limit = int(gigabytes * 1e9)
    if kind == "ram":  # each training process has its own
        return MemoryStore(limit // processes_here())
    return DiskStore(folder, limit)
