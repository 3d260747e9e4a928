"""What is the mouth networks' own: their sizes, sharpening, and networks in a row."""

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from config import from_dict
from engine.checkpoint import load_weights, save_weights
from modeling import ARCHITECTURES
from tests.modeling.small_architectures import small
from utils.errors import CheckpointError, ConfigError


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_autoencoder_has_the_earlier_projects_parameters():
    model = ARCHITECTURES.build("MouthAutoencoder")
    assert (count(model.encoder), count(model.decoder)) == (731_576, 1_322_171)
    sides, channels = [], []
    x = torch.rand(1, 3, 128, 128)
    for layer in model.encoder:
        x = layer(x)
        if isinstance(layer, torch.nn.Conv2d):
            sides.append(x.shape[-1])
            channels.append(x.shape[1])
    assert x.shape == (1, 256)
    assert sides == [64, 32, 16, 8, 4, 2] and channels == [32, 40, 64, 80, 128, 256]


def test_the_autoencoder_drops_out_where_the_earlier_project_did():
    model = ARCHITECTURES.build("MouthAutoencoder")
    places = {}
    for name, kind in (("encoder", torch.nn.Conv2d), ("decoder", torch.nn.ConvTranspose2d)):
        convolutions, places[name] = 0, []
        for layer in getattr(model, name):
            convolutions += isinstance(layer, kind)
            if isinstance(layer, torch.nn.Dropout):
                places[name].append(convolutions)
    assert places == {"encoder": [2, 4, 6], "decoder": [1, 3, 5, 6]}


@torch.no_grad()
def test_another_size_goes_through_at_128_pixels():
    model = small("MouthAutoencoder")
    x = torch.rand(1, 3, 256, 256)
    expected = F.interpolate(model(F.interpolate(x, (128, 128), mode="area")), (256, 256))
    assert (model(x) - expected).abs().mean() < 0.02  # two ways to shrink and to enlarge


def test_the_network_with_skips_is_smaller_than_the_autoencoder_and_starts_as_the_identity():
    model = ARCHITECTURES.build("MouthNet")
    assert count(model) == 864_492 < 731_576 + 1_322_171
    x = torch.rand(2, 3, 30, 41)
    assert torch.equal(model(x), x)
    with pytest.raises(ValueError, match="a number for each level"):
        ARCHITECTURES.build("MouthNet", widths=[8, 8], blocks=[1])


@pytest.mark.parametrize(("amount", "sigma"), [(0.5, 1.0), (1.5, 3.0), (0.0, 2.0)])
def test_sharpening_is_opencvs_weighted_difference(rng, amount, sigma):
    image = rng.random((41, 37, 3), dtype=np.float32)
    blurred = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    expected = cv2.addWeighted(image, 1 + amount, blurred, -amount, 0)
    model = ARCHITECTURES.build("Sharpen", amount=amount, sigma=sigma)
    ours = model(torch.from_numpy(image).movedim(-1, 0)[None])[0].movedim(0, -1).numpy()
    np.testing.assert_allclose(ours, expected, atol=2e-4)  # OpenCV cuts its kernel off elsewhere
    with pytest.raises(ValueError, match="sigma 0.1 at least"):
        ARCHITECTURES.build("Sharpen", sigma=0.1)


@torch.no_grad()
def test_a_row_does_what_its_steps_do_one_after_another():
    edsr = {"NAME": "EDSR", "ARGS": {"scale": 2, "features": 4, "blocks": 1}}
    row = ARCHITECTURES.build("Chain", steps=[{"NAME": "Sharpen"}, edsr, {"NAME": "Sharpen"}])
    x = torch.rand(2, 3, 13, 9)
    sharpen = ARCHITECTURES.build("Sharpen")
    assert torch.equal(row(x), sharpen(row.steps[1](sharpen(x))))
    assert row.descriptor.scale == 2 and row.descriptor.channels == 3
    reach = row.steps[1].descriptor.receptive_field // 2
    assert row.descriptor.receptive_field == 2 * (8 + reach + 4) + 1
    assert not row.descriptor.pretrained
    assert ARCHITECTURES.build("Chain", steps=[{"NAME": "Sharpen"}]).descriptor.pretrained


@torch.no_grad()
@pytest.mark.parametrize("shrink", [2, 4])
def test_a_row_that_shrinks_first_keeps_the_size_and_the_place_of_things(shrink):
    edsr = {"NAME": "EDSR", "ARGS": {"scale": 4, "features": 4, "blocks": 1}}
    row = ARCHITECTURES.build("Chain", steps=[edsr], shrink=shrink, scale=1).eval()
    assert row.descriptor.scale == 1 and row.descriptor.size_multiple == shrink
    for size in ((64, 48), (37, 53), (1, 2)):
        assert row(torch.rand(1, 3, *size)).shape[-2:] == size
    row.steps[0] = torch.nn.Upsample(scale_factor=4)  # repeats pixels: nothing moves
    y, x = np.mgrid[0:64, 0:48]
    spot = np.exp(-((x - 30) ** 2 + (y - 21) ** 2) / 50).astype(np.float32)
    output = row(torch.from_numpy(spot).expand(1, 3, -1, -1))[0, 0].numpy()
    centre = [float((output * axis).sum() / output.sum()) for axis in (x, y)]
    np.testing.assert_allclose(centre, [30, 21], atol=0.05)


def test_a_row_takes_weights_and_refuses_what_does_not_go_together(tmp_path):
    arguments = {"scale": 2, "features": 4, "blocks": 1}
    edsr = ARCHITECTURES.build("EDSR", **arguments)
    cfg = from_dict({"MODEL": {"NAME": "EDSR", "ARGS": arguments}})
    file = tmp_path / "edsr.safetensors"
    save_weights(file, edsr, cfg, {})
    step = {"NAME": "EDSR", "ARGS": arguments, "WEIGHTS": str(file)}
    row = ARCHITECTURES.build("Chain", steps=[step, {"NAME": "Sharpen"}])
    state, _, _ = load_weights(file)
    assert all(torch.equal(value, state[name]) for name, value in row.steps[0].state_dict().items())
    assert row.descriptor.pretrained
    with pytest.raises(CheckpointError, match=r"edsr.safetensors: does not fit steps.0, EDSR"):
        ARCHITECTURES.build("Chain", steps=[{**step, "ARGS": {**arguments, "blocks": 2}}])
    with pytest.raises(ConfigError, match=r"steps.1.NAME: no architecture is called 'Sharpn'"):
        ARCHITECTURES.build("Chain", steps=[step, {"NAME": "Sharpn"}])
    for steps, shrink, scale, why in (
        ([], 1, None, "must name an architecture"),
        ([step], 4, None, "enlarge 1/2 times after shrink"),
        ([step], 1, 4, "scale cannot be 4"),
        ([step, {"NAME": "UNet"}], 1, None, "gray and of colour"),
    ):
        with pytest.raises(ValueError, match=why):
            ARCHITECTURES.build("Chain", steps=steps, shrink=shrink, scale=scale)
