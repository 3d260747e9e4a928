"""However many processes share an epoch, its batches are the same."""

import pytest

from data.sampler import EpochSampler, ShareSampler


def sampler(rank, world_size, fill=True, size=None, batch_size=5, start=0):
    keys = EpochSampler(13, size, seed=3, shuffle=True)
    keys.set_epoch(2, start)
    return ShareSampler(keys, batch_size, rank, world_size, fill)


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
@pytest.mark.parametrize("start", [0, 5])
def test_shares_make_up_the_batches_of_one_process(world_size, start):
    alone = list(sampler(0, 1, size=31, start=start))  # its last batch has one sample
    shares = [sampler(rank, world_size, size=31, start=start) for rank in range(world_size)]
    dealt = [list(share) for share in shares]
    for number, batch in enumerate(alone):
        counts = [share.counts(number) for share in shares]
        counted = [keys[number][:own] for keys, (own, _) in zip(dealt, counts, strict=True)]
        assert sorted(sum(counted, [])) == sorted(batch)
        assert {total for _, total in counts} == {len(batch)}
    assert {len(keys) for keys in dealt} == {len(alone)}
    assert {len(share) for share in shares} == {7}


def test_a_process_without_a_sample_goes_along_with_one_that_does_not_count():
    first, second = sampler(0, 2, size=11), sampler(1, 2, size=11)
    assert list(first)[-1] == list(second)[-1] and len(list(first)[-1]) == 1
    assert (first.counts(2), second.counts(2)) == ((1, 1), (0, 1))


def test_without_filling_each_picture_is_taken_once():
    for size in (1, 2, 7):
        shares = [list(sampler(rank, 3, fill=False, size=size, batch_size=3)) for rank in range(3)]
        taken = [key for share in shares for keys in share for key in keys]
        assert len(taken) == len(set(taken)) == size
