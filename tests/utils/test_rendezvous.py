"""Processes that are started again in a store full of what those before them left."""

import threading
import time

import pytest
import torch.distributed as dist

from utils import rendezvous

TRACES = ("asks/1", "asks/2", "answer/1", "answer/2")


def start(store, count, monkeypatch, late=0.0):
    """`count` processes that meet, here as threads; the last comes `late`. Gives their stores."""
    monkeypatch.setattr(rendezvous, "rendezvous", lambda _: iter([places.pop()]))
    places = [(store, rank, count) for rank in range(count)]
    met = []
    threads = [threading.Thread(target=lambda: met.append(rendezvous.meet())) for _ in places]
    for thread in threads[:-1]:
        thread.start()
    time.sleep(late)
    threads[-1].start()
    for thread in threads:
        thread.join(20)
    return met


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_each_start_has_a_store_of_its_own(monkeypatch, late):
    store = dist.HashStore()
    for number, count in enumerate((3, 2, 3, 1)):
        met = start(store, count, monkeypatch, late)
        assert sorted(rank for _, rank, _ in met) == list(range(count))
        for own, rank, _ in met:
            assert not own.check(["who"]) or own.get("who").decode() == str(number)
            own.set("who", str(number))
            assert own.add("here", 1) <= count, rank
        assert all(own.add("here", 0) == count for own, _, _ in met)
    assert all(store.check([trace]) for trace in TRACES)


def test_who_does_not_come_is_not_waited_for_for_ever(monkeypatch):
    store = dist.HashStore()
    monkeypatch.setattr(rendezvous.time, "monotonic", iter([0.0, 1e9]).__next__)
    monkeypatch.setattr(rendezvous, "rendezvous", lambda _: iter([(store, 0, 2)]))
    with pytest.raises(dist.DistStoreError, match="not all processes came"):
        rendezvous.meet()
