import pytest

from engine.best import BestTracker


@pytest.mark.parametrize(("higher", "sign"), [(True, 1), (False, -1)])
def test_a_worse_validation_counts_and_the_best_is_not_the_last(higher, sign):
    tracker = BestTracker("m", higher, patience=2)
    seen = [tracker.update(sign * value, epoch) for epoch, value in enumerate([1, 3, 2, 3], 1)]
    assert seen == [True, True, False, False]  # an equal value is no better one
    assert (tracker.value, tracker.epoch, tracker.exhausted) == (sign * 3, 2, True)


def test_a_better_validation_starts_the_count_anew():
    tracker = BestTracker("m", True, patience=2)
    for epoch, value in enumerate([5, 4, 6, 5], 1):
        tracker.update(value, epoch)
    assert not tracker.exhausted
    other = BestTracker("m", True, patience=2)
    other.load_state_dict(tracker.state_dict())
    assert not other.update(6, 5)
    assert other.exhausted and other.epoch == 3


def test_without_patience_it_never_stops():
    tracker = BestTracker("m", True, patience=None)
    for epoch in range(100):
        tracker.update(-epoch, epoch)
    assert tracker.worse == 99 and not tracker.exhausted
