"""What tests of data share."""

import multiprocessing

import pytest

from data.decoded import pictures


@pytest.fixture
def decodings(monkeypatch):
    """How many pictures have been decoded, here and in processes that are forked from now on."""
    count = multiprocessing.Value("i", 0)
    decode = pictures.read_image

    def counted(*arguments):
        with count.get_lock():
            count.value += 1
        return decode(*arguments)

    monkeypatch.setattr(pictures, "read_image", counted)
    return count
