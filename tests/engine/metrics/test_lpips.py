from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.metrics import LPIPS
from utils.errors import ImageError, PellucidError
from utils.images import read_image, to_tensor
from utils.torchvision_compat import import_torchvision
from utils.torchvision_weights import AbsentWeightsError


@pytest.fixture(scope="module")
def weights(shared_dir):
    return str(shared_dir / "data/weights/squeezenet1_1.safetensors")


@pytest.fixture(scope="module")
def metric(weights):
    return LPIPS(net="squeeze", weights=weights)


@pytest.fixture(scope="module")
def examples(shared_dir):
    folder = shared_dir / "data/lpips_examples/imgs"
    return {
        name: to_tensor(read_image(folder / f"ex_{name}.png"))[None] for name in ("ref", "p0", "p1")
    }


def test_published_examples(metric, examples):
    output = torch.cat([examples["p0"], examples["p1"]])
    target = examples["ref"].expand(2, -1, -1, -1)
    assert metric.update(output, target).tolist() == pytest.approx([0.3903, 0.1963], abs=1e-4)
    assert metric.compute() == pytest.approx(0.2933, abs=1e-4)
    metric.reset()


def test_published_examples_with_alexnet(examples):
    """The figures of the lpips package's own page; where AlexNet's weights are at hand."""
    weights = import_torchvision().models.get_model_weights("alexnet")["IMAGENET1K_V1"]
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    if not file.is_file():
        pytest.skip(f"needs torchvision's AlexNet in {file}")
    metric = LPIPS(weights=str(file))
    assert metric.update(examples["p0"], examples["ref"]).item() == pytest.approx(0.722, abs=5e-4)
    assert metric.update(examples["p1"], examples["ref"]).item() == pytest.approx(0.138, abs=5e-4)


def test_equal_pictures_and_gray(metric, examples):
    assert metric.update(examples["ref"], examples["ref"]).item() == 0
    gray, other = examples["ref"][:, :1], examples["p0"][:, :1]
    colour = metric.update(other.expand(-1, 3, -1, -1), gray.expand(-1, 3, -1, -1)).item()
    assert metric.update(other, gray).item() == pytest.approx(colour)


def test_autocast_does_not_change_it(metric, examples):
    with torch.autocast("cpu", torch.bfloat16):
        value = metric.update(examples["p0"], examples["ref"]).item()
    assert value == pytest.approx(0.3903, abs=1e-4)


def test_construction_draws_nothing_from_the_run(weights):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    LPIPS(net="squeeze", weights=weights)
    assert torch.equal(torch.rand(3), expected)


def test_weights_as_pth(weights, examples, tmp_path):
    torch.save(load_file(weights), tmp_path / "squeeze.pth")
    metric = LPIPS(net="squeeze", weights=str(tmp_path / "squeeze.pth"))
    assert metric.update(examples["p1"], examples["ref"]).item() == pytest.approx(0.1963, abs=1e-4)
    assert "squeeze.pth" in metric.protocol()["backbone"]


@pytest.mark.usefixtures("no_download")
@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_no_weights_is_one_clear_error(net):
    with pytest.raises(AbsentWeightsError, match="no route to host") as caught:
        LPIPS(net=net)
    assert len(str(caught.value).splitlines()) <= 2 and "--lpips-weights" in str(caught.value)


class Unsafe:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_weights_that_do_not_fit(weights, tmp_path, capsys):
    with pytest.raises(PellucidError, match="no such weights file"):
        LPIPS(net="squeeze", weights=str(tmp_path / "none.pth"))
    with pytest.raises(PellucidError, match="alexnet"):
        LPIPS(net="alex", weights=weights)
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(PellucidError, match="bad.safetensors"):
        LPIPS(net="squeeze", weights=str(tmp_path / "bad.safetensors"))
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(PellucidError, match="has another shape for features.0.weight"):
        LPIPS(net="squeeze", weights=str(tmp_path / "other.safetensors"))
    torch.save({"features.0.weight": Unsafe()}, tmp_path / "unsafe.pth")
    with pytest.raises(PellucidError, match="unsafe.pth"):
        LPIPS(net="squeeze", weights=str(tmp_path / "unsafe.pth"))
    assert "unpickled" not in capsys.readouterr().out


def test_too_small(metric):
    smallest = torch.zeros(1, 3, 17, 17)
    metric.update(smallest, smallest)
    with pytest.raises(ImageError, match="17x17 px or more, got 40x16"):
        metric.update(torch.zeros(1, 3, 16, 40), torch.zeros(1, 3, 16, 40))
