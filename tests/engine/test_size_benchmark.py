"""What restoring costs by size, measured in processes of their own."""

from pathlib import Path

import numpy as np
import pytest

from engine.restore_options import RestoreOptions
from engine.size_benchmark import Way, costs_by_size, write_picture
from engine.systems import SYSTEMS
from utils.images import image_size, read_image

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is measured on Linux"
)


def test_a_picture_has_its_size_and_is_the_same_each_time(tmp_path):
    first, second = (write_picture(tmp_path / f"{name}.png", 0.1) for name in "ab")
    assert image_size(first) == (316, 316)
    assert np.array_equal(read_image(first), read_image(second))


def test_time_and_memory_of_a_process_that_restores(tmp_path):
    (cost,) = costs_by_size(Way(SYSTEMS["glare"].default, "cpu"), [0.05], tmp_path, 2)
    assert cost.megapixels == 0.05
    assert cost.seconds > 0 and cost.cpu_seconds > 0
    assert 50e6 < cost.resident_bytes < 2 * 2**30  # PyTorch alone takes more than the first
    assert image_size(tmp_path / "result.png") == (224, 224)


@pytest.mark.endurance
@pytest.mark.parametrize(
    "way",
    [
        Way(SYSTEMS["glare"].default, "cpu"),
        Way(SYSTEMS["glare"].default, "cpu", source=".jpg", turned=True, result=".jpg"),
        Way(SYSTEMS["glare"].default, "cpu", RestoreOptions(outscale=0.5)),
        Way(SYSTEMS["pixelation"].default, "cpu", auto=True),
    ],
)
def test_a_hundred_megapixels_stay_below_two_gigabytes(tmp_path, way):
    (cost,) = costs_by_size(way, [100], tmp_path, 1)
    assert cost.resident_bytes < 2 * 2**30
    side = round(10_000 * (way.options.outscale or 1))
    assert image_size(tmp_path / f"result{way.result}") == (side, side)
