"""Batches on their way to the device: in order, unchanged, and exact once they are floats."""

import pytest
import torch

from data.transfer import sent_ahead, to_device

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif("not torch.cuda.is_available()"))]


def batches(count: int) -> list[dict]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for number in range(count):
        picture = torch.randint(0, 256, (4, 3, 8, 6), dtype=torch.uint8, generator=generator)
        made.append({"input": picture, "name": [str(number)] * 4, "count": 4})
    return made


@pytest.mark.parametrize("device", DEVICES)
def test_batches_come_in_order_and_as_they_are(device):
    sent = list(sent_ahead(batches(20), torch.device(device)))
    assert [batch["name"][0] for batch in sent] == [str(number) for number in range(20)]
    for batch, expected in zip(sent, batches(20), strict=True):
        assert batch["input"].device.type == device and batch["input"].dtype == torch.uint8
        assert torch.equal(batch["input"].cpu(), expected["input"]) and batch["count"] == 4


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_is_taken_from_the_loader_only_when_it_is_asked_for(device):
    taken = []

    def counted():
        for batch in batches(5):
            taken.append(batch["name"][0])
            yield batch

    left = sent_ahead(counted(), torch.device(device))
    assert [next(left)["name"][0], next(left)["name"][0]] == ["0", "1"]
    assert taken == ["0", "1"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_level_becomes_its_share_of_one(device, layout):
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    moved = to_device({"target": levels}, device, layout)["target"]
    expected = torch.arange(256, dtype=torch.float64).reshape(1, 1, 16, 16) / 255
    assert moved.is_contiguous(memory_format=layout)
    assert moved.dtype == torch.float32 and moved.min() == 0 and moved.max() == 1
    assert torch.allclose(moved.cpu().double(), expected, rtol=0, atol=2**-23)
