"""Reading pictures through a place that keeps them decoded."""

import multiprocessing
from pathlib import Path

import numpy as np

from data.decoded.store import Key, Store
from utils.errors import PellucidError
from utils.images import read_image

_LONGEST = 1000  # bytes of what a loader process has to say


class DecodedPictures:
    """Reads pictures, each decoded once for as long as there is room for its pixels.

    A picture whose size or time of change differs is decoded again. Once the store has refused a
    picture, no process offers it another: what it has not is decoded at each reading.

    Args:
        store: where pixels are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # In memory that loader processes share with the process that started them.
        self._refusal = multiprocessing.RawArray("c", _LONGEST)
        self._told = False

    def read(self, path: Path, channels: int) -> np.ndarray:
        """The picture that `read_image(path, channels)` gives, read-only.

        Raises:
            ImageError: the picture is missing or cannot be decoded.
        """
        try:
            key = Key.of(path, channels)
        except OSError:
            return read_image(path, channels)  # which says what is wrong
        image = self._store.find(key)
        if image is None:
            image = read_image(path, channels)
            image.flags.writeable = False
            if not self._refusal.value and Key.of(path, channels) == key:
                self._offer(key, image)
        return image

    def refusal(self) -> str | None:
        """Why pictures are no longer kept, once there is a reason; None when asked again."""
        if self._told or not self._refusal.value:
            return None
        self._told = True
        return self._refusal.value.decode(errors="replace")

    def _offer(self, key: Key, image: np.ndarray) -> None:
        try:
            self._store.keep(key, image)
        except PellucidError as error:
            self._refusal.value = str(error).encode()[: _LONGEST - 1]
