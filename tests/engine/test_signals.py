"""Where a signal ends a block that may be left at once."""

import os
import signal

import pytest

from engine.signals import Stopped, StopSignals, until_stopped

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends itself signals")


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_batch_is_made_to_its_end_and_not_used():
    made, used = [], []

    def batches():
        terminate()
        made.append(1)  # as where a loader's workers start: an exception there would be lost
        yield 1

    with StopSignals() as stop, pytest.raises(Stopped), stop.at_once():
        used.extend(until_stopped(batches(), 1, stop))
    assert (made, used) == ([1], [])


def test_what_is_done_with_a_batch_is_left_at_once():
    done = []
    with StopSignals() as stop, pytest.raises(Stopped), stop.at_once():
        for batch in until_stopped([1, 2], 2, stop):
            done.append(batch)
            terminate()
            done.append("after the signal")
    assert done == [1]
