"""The super-resolution networks: published sizes, reference outputs, ranges, reach, export."""

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional as F

from modeling import ARCHITECTURES

SMALL = {
    "SRResNet": {"features": 8, "blocks": 2},
    "TinySRGAN": {},
    "MobileSR": {},
    "EDSR": {"features": 8, "blocks": 2},
    "MSRResNet": {"features": 8, "blocks": 2},
}


@pytest.mark.parametrize(
    ("name", "arguments", "count"),
    [
        ("SRResNet", {}, 1_549_462),
        ("SRResNet", {"final_kernel": 3, "output": "tanh"}, 1_535_638),
        ("MobileSR", {}, 121_222),
        ("TinySRGAN", {}, 203_724),
        ("MiniSRGAN", {}, 942_734),
        ("MSRResNet", {}, 1_517_571),
        ("EDSR", {}, 1_517_571),
        ("EDSR", {"scale": 2}, 1_369_859),
        ("EDSR", {"scale": 3}, 1_554_499),
        ("EDSR", {"features": 256, "blocks": 32, "residual_scale": 0.1}, 43_089_923),
    ],
)
def test_parameter_counts_are_the_published_ones(name, arguments, count):
    with torch.device("meta"):
        model = ARCHITECTURES.build(name, **arguments)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


OWN_WORDS = {"features": 16, "blocks": 4, "scale": 4}
BASICSR_WORDS = {"num_feat": 16, "num_block": 4, "upscale": 4}
MEAN = [0.4488, 0.4371, 0.4040]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("EDSR", {**OWN_WORDS, "residual_scale": 0.1}),
        ("EDSR", {**BASICSR_WORDS, "res_scale": 0.1, "img_range": 255, "rgb_mean": MEAN}),
        ("MSRResNet", OWN_WORDS),
        ("MSRResNet", BASICSR_WORDS),
    ],
)
def test_a_reference_instance_gives_its_output(shared_dir, name, arguments):
    path = shared_dir / "fixtures" / f"{name.lower()}_small.safetensors"
    with safe_open(str(path), "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    model = ARCHITECTURES.build(name, **arguments).eval()
    model.load_state_dict(
        {key.removeprefix("weights."): tensors[key] for key in tensors if "weights." in key}
    )
    with torch.inference_mode():
        output = model(tensors["input"])
    torch.testing.assert_close(output, tensors["output"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", SMALL)
def test_every_scale_enlarges_any_size(name, scale):
    model = ARCHITECTURES.build(name, scale=scale, **SMALL[name]).eval()
    assert model.descriptor.scale == scale
    with torch.inference_mode():
        for height, width in ((1, 1), (7, 12)):
            output = model(torch.rand(2, 3, height, width))
            assert output.shape == (2, 3, scale * height, scale * width)


@pytest.mark.parametrize("name", SMALL)
def test_another_scale_is_refused(name):
    with pytest.raises(ValueError, match="scale is 5; it can be 2, 3, 4"):
        ARCHITECTURES.build(name, scale=5)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", SMALL)
def test_the_receptive_field_is_what_the_pixels_of_one_input_pixel_see(name, scale):
    """All scale x scale output pixels of an input pixel together see exactly the field stated."""
    model = ARCHITECTURES.build(name, scale=scale, **SMALL[name]).double().eval()
    for parameter in model.parameters():  # so that no path cancels, and no tanh saturates
        fan_in = parameter[0].numel()
        torch.nn.init.uniform_(parameter, 0.4 / fan_in, 0.5 / fan_in)
    field = model.descriptor.receptive_field
    side = field + 8
    x = torch.full((1, 3, side, side), 0.9, dtype=torch.float64, requires_grad=True)
    first = side // 2 * scale
    model(x)[..., first : first + scale, first : first + scale].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 1))
    for axis in (0, 1):
        reached = seen.sum(axis).nonzero()
        assert reached.max() - reached.min() + 1 == field


def test_a_tanh_keeps_the_picture_within_its_range():
    model = ARCHITECTURES.build("TinySRGAN").eval()
    torch.nn.init.normal_(model.tail.weight, std=10)
    with torch.inference_mode():
        output = model(torch.rand(1, 3, 16, 16))
    assert output.min() >= 0 and output.max() <= 1
    assert output.min() < 0.01 and output.max() > 0.99


@pytest.mark.parametrize("name", ["SRResNet", "MobileSR", "MiniSRGAN"])
def test_a_residual_output_starts_from_the_enlarged_input(name):
    model = ARCHITECTURES.build(name, output="residual").eval()
    for parameter in model.tail.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.rand(1, 3, 9, 11)
    with torch.inference_mode():
        expected = F.interpolate(x, size=(36, 44), mode="bilinear", align_corners=False)
        torch.testing.assert_close(model(x), expected)


def test_an_unknown_output_is_refused_with_a_proposal():
    with pytest.raises(ValueError, match="did you mean residual"):
        ARCHITECTURES.build("MobileSR", output="residuals")


@pytest.mark.parametrize("name", SMALL)
def test_channels_last_stays_channels_last(name):
    model = ARCHITECTURES.build(name, **SMALL[name]).eval()
    x = torch.rand(1, 3, 12, 16)
    with torch.inference_mode():
        expected = model(x)
        output = model.to(memory_format=torch.channels_last)(
            x.contiguous(memory_format=torch.channels_last)
        )
    assert output.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_half_precision_does_not_round_the_picture_itself(name):
    """bf16 between 0.5 and 1 has 128 levels: fewer than a picture of 8 bits."""
    torch.manual_seed(0)
    model = ARCHITECTURES.build(name, **SMALL[name]).eval()
    x = torch.rand(1, 3, 24, 24)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        output = model(x)
    assert output.dtype == torch.float32
    assert (output != output.bfloat16()).float().mean() > 0.2
