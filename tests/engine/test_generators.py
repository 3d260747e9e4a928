import random

import numpy as np
import pytest
import torch

from engine.generators import (
    generator_states,
    restore_generators,
    seed_everything,
    untouched_generators,
)


def draws():
    return random.random(), np.random.normal(), np.random.rand(), torch.rand(3).tolist()


def test_states_survive_a_file_read_without_unpickling(tmp_path):
    seed_everything(3)
    random.gauss(0, 1)
    np.random.normal()  # leaves the second of a pair waiting, which is state too
    torch.save(generator_states(), tmp_path / "states.pt")
    expected = draws()
    restore_generators(torch.load(tmp_path / "states.pt", weights_only=True))
    assert draws() == expected


def test_a_block_can_leave_them_untouched():
    seed_everything(4)
    expected = draws()
    seed_everything(4)
    with untouched_generators():
        draws()
    assert draws() == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_every_cuda_generator_goes_on_too():
    states = generator_states()
    assert len(states["cuda"]) == torch.cuda.device_count()
    drawn = [torch.rand(3, device=f"cuda:{n}") for n in range(torch.cuda.device_count())]
    restore_generators(states)
    again = [torch.rand(3, device=f"cuda:{n}") for n in range(torch.cuda.device_count())]
    assert all(map(torch.equal, drawn, again))
