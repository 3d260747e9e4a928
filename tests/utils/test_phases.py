"""Phases share out the time that passed, each its own, none twice."""

import time

import pytest

from utils.phases import REST, clocked, phase


@phase("made")
def make():
    time.sleep(0.02)


def test_phases_share_out_all_of_the_time():
    began = time.perf_counter()
    with clocked() as clock:
        with phase("outer"):
            make()
            with phase("outer"):
                make()
        time.sleep(0.02)
    took = time.perf_counter() - began
    assert sum(clock.seconds.values()) == pytest.approx(took, abs=0.01)
    assert clock.calls == {"outer": 2, "made": 2}
    assert clock.seconds["made"] >= 0.04 and clock.seconds[REST] >= 0.02


def test_a_whole_phase_is_not_divided_and_ends_with_an_error():
    with clocked() as clock:
        with pytest.raises(ValueError), phase("whole", whole=True), phase("part"):
            make()
            raise ValueError
        make()
    assert set(clock.seconds) == {REST, "whole", "made"} and clock.calls["made"] == 1
    assert clock.seconds["whole"] >= 0.02


def test_the_device_is_waited_for_where_a_phase_begins_and_ends():
    waits = []
    with clocked(lambda: waits.append(1)), phase("one"):
        pass
    make()  # with no clock nobody waits
    assert len(waits) == 3
