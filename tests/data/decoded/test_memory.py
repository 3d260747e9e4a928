"""Decoded pictures in shared memory: killed processes, and room that is left to others."""

import os
import signal
import time
from multiprocessing import get_context

import numpy as np
import pytest

from data.decoded import memory
from data.decoded.memory import MemoryStore
from data.decoded.pictures import DecodedPictures
from data.decoded.store import Key
from utils.errors import ConfigError
from utils.images import write_image

FORK = get_context("fork")


def keep_many(store: MemoryStore, path, image: np.ndarray, first: int) -> None:
    for number in range(first, first + 10**6):
        store.keep(Key(path, 3, 0, number), image + np.uint8(number % 100))


def test_killed_writers_leave_nothing_torn_and_nothing_locked(tmp_path, rng):
    image = rng.integers(0, 100, (200, 300, 3), np.uint8)
    store = MemoryStore(4 * 10**9)
    for turn in range(12):
        first = turn * 10**7
        writer = FORK.Process(target=keep_many, args=(store, tmp_path, image, first))
        writer.start()
        time.sleep(float(rng.uniform(0.02, 0.06)))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        number = first
        while (found := store.find(Key(tmp_path, 3, 0, number))) is not None:
            assert np.array_equal(found, image + np.uint8(number % 100))
            number += 1
    store.keep(Key(tmp_path, 1, 1, 1), image)
    assert np.array_equal(store.find(Key(tmp_path, 1, 1, 1)), image)


def test_memory_that_training_needs_is_left_to_it(tmp_path, rng, monkeypatch):
    write_image(tmp_path / "a.png", rng.integers(0, 256, (20, 30, 3), np.uint8))
    monkeypatch.setattr(memory, "free_memory", lambda: memory._SPARE)
    pictures = DecodedPictures(MemoryStore(10**6))
    pictures.read(tmp_path / "a.png", 3)
    assert "the machine has" in str(pictures.refusal())


def test_more_memory_than_there_can_be_is_refused():
    with pytest.raises(ConfigError, match=r"DATASETS.CACHE_GB: the system refuses 1e\+06 GB"):
        MemoryStore(10**15)


def test_memory_goes_with_the_store():
    before = len(os.listdir("/proc/self/fd"))
    store = MemoryStore(10**6)
    assert len(os.listdir("/proc/self/fd")) > before
    del store
    assert len(os.listdir("/proc/self/fd")) == before
