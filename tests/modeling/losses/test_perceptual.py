"""Perceptual loss against torchvision's VGG with the same weights."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from modeling import LOSSES
from modeling.losses.perceptual import Perceptual
from utils.errors import CheckpointError, ImageError, PellucidError
from utils.torchvision_compat import import_torchvision


@pytest.fixture(scope="module")
def vgg16(shared_dir):
    return str(shared_dir / "data/weights/vgg16_features.safetensors")


@pytest.fixture(scope="module")
def vgg19(tmp_path_factory):
    """A VGG19 of random weights, in half precision and in torch.save's format."""
    network = _torchvision_features("E")
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    state = {f"features.{name}": value.half() for name, value in network.state_dict().items()}
    torch.save(state, path)
    return str(path)


def _torchvision_features(letter):
    import_torchvision()
    from torchvision.models import vgg

    torch.manual_seed(0)
    network = vgg.make_layers(vgg.cfgs[letter]).eval()
    for layer in network:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    return network


def _normalised(x):
    import_torchvision()
    from torchvision.transforms.functional import normalize

    return normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def _reference(path, letter, last):
    """torchvision's network up to layer `last`, the activations not in place."""
    network = _torchvision_features(letter)
    state = load_file(path) if path.endswith("safetensors") else torch.load(path)
    network.load_state_dict({k.removeprefix("features."): v.float() for k, v in state.items()})
    for layer in network:
        if isinstance(layer, torch.nn.ReLU):
            layer.inplace = False
    return network[: last + 1]


@pytest.fixture
def pictures():
    return torch.rand(2, 2, 3, 40, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("net", "layer", "letter", "last"),
    [
        ("vgg16", "relu5_3", "D", 29),
        ("vgg16", "conv3_2", "D", 12),
        ("vgg19", "relu5_4", "E", 35),
        ("vgg19", "conv5_4", "E", 34),
        ("vgg19", "relu2_2", "E", 8),
    ],
)
def test_it_compares_torchvisions_features(net, layer, letter, last, pictures, request):
    path = request.getfixturevalue(net)
    reference = _reference(path, letter, last)
    with torch.inference_mode():
        output, target = (reference(_normalised(x)) for x in pictures)
        for criterion, function in (("l1", F.l1_loss), ("l2", F.mse_loss)):
            loss = LOSSES.build(
                "Perceptual", net=net, layer=layer, weights=path, criterion=criterion
            )
            torch.testing.assert_close(
                loss(*pictures), function(output, target), rtol=1e-4, atol=1e-7
            )


def test_several_layers_are_summed_by_weight(vgg16, pictures):
    def value(layer):
        return Perceptual("vgg16", layer, vgg16)(*pictures)

    expected = 2 * value("relu1_2") + 0.5 * value("conv2_1")
    torch.testing.assert_close(value({"relu1_2": 2, "conv2_1": 0.5}), expected)


def test_it_is_frozen_and_in_no_state_dict(vgg16, pictures):
    loss = Perceptual("vgg16", "relu3_3", vgg16)
    assert list(loss.parameters()) == [] and loss.state_dict() == {}
    output, target = (x.requires_grad_() for x in pictures.clone())
    value = loss(output, target)
    value.backward()
    assert output.grad.abs().sum() > 0 and target.grad is None
    assert loss.train()(output, target).item() == value.item()


def test_the_gradient_is_right(vgg16):
    loss = Perceptual("vgg16", {"relu1_2": 1.0, "conv2_1": 1.0}, vgg16).double()
    x, target = torch.rand(2, 1, 3, 4, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda y: loss(y, target), (x.requires_grad_(),))


def test_gray_counts_as_three_equal_channels(vgg16, pictures):
    loss = Perceptual("vgg16", "relu2_2", vgg16)
    gray = pictures[:, :, :1]
    torch.testing.assert_close(loss(*gray), loss(*gray.expand(-1, -1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"net": "vgg18"}, "did you mean vgg1"),
        ({"layer": "relu5_4"}, "vgg16 has no layer 'relu5_4'"),
        ({"layer": {}}, "layer is empty"),
        ({"criterion": "l3"}, "'l3'; known: l1, l2"),
    ],
)
def test_wrong_arguments_are_named(arguments, words, vgg16):
    with pytest.raises(ValueError, match=words):
        Perceptual(**{"net": "vgg16", "layer": "relu1_1", "weights": vgg16} | arguments)


def test_a_picture_that_pooling_uses_up_is_refused(vgg16):
    loss = Perceptual("vgg16", "relu3_1", vgg16)
    assert torch.isfinite(loss(*torch.rand(2, 1, 3, 4, 4)))
    with pytest.raises(ImageError, match="needs 4x4 px or more, got 9x3 px"):
        loss(*torch.rand(2, 1, 3, 3, 9))


def test_weights_that_do_not_fit_are_named(vgg16, tmp_path):
    with pytest.raises(CheckpointError, match="vgg16_features.*is not a vgg19: features.16.weight"):
        Perceptual("vgg19", "relu5_4", vgg16)
    with pytest.raises(CheckpointError, match="none.pth: there is no such weights file"):
        Perceptual(weights=str(tmp_path / "none.pth"))
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="other.safetensors: is not a vgg19"):
        Perceptual(weights=str(tmp_path / "other.safetensors"))


def test_no_route_to_torchvisions_weights_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refuse(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", refuse)
    with pytest.raises(PellucidError, match="vgg19 weights are not at hand.*no route") as caught:
        Perceptual()
    assert "ARGS.weights" in str(caught.value)
