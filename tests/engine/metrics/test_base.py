import math

import pytest
import torch

from config import Config, get_defaults
from engine.metrics import METRICS, PSNR, SSIM, build_metrics
from engine.metrics.l1 import L1
from utils.errors import ConfigError, ImageError

GRAY = torch.full((1, 3, 16, 16), 100 / 255)


def test_known_psnr():
    # A difference of one level everywhere: 20 log10(255) = 48.1308 dB.
    assert PSNR().update(GRAY + 1 / 255, GRAY).item() == pytest.approx(48.1308, abs=1e-4)


def test_pictures_are_rounded_and_clamped_first():
    assert PSNR().update(GRAY + 0.4 / 255, GRAY).item() == math.inf
    white = torch.ones(1, 1, 16, 16)
    assert L1().update(white * 7, white).item() == 0.0
    assert L1().update(-white, white).item() == 1.0


def test_luma_of_known_colors():
    # BT.601 studio swing as 8 bits: white 235, black 16, red 81, green 145, blue 41.
    def luma_difference(color):
        picture = torch.tensor(color).view(1, -1, 1, 1).expand(1, len(color), 12, 12)
        return L1(y_channel=True).update(picture.float(), torch.zeros_like(picture)).item() * 255

    assert luma_difference([1, 1, 1]) == pytest.approx(219, abs=1e-6)
    assert luma_difference([1]) == pytest.approx(219, abs=1e-6)
    assert luma_difference([1, 0, 0]) == pytest.approx(65, abs=1e-6)
    assert luma_difference([0, 1, 0]) == pytest.approx(129, abs=1e-6)
    assert luma_difference([0, 0, 1]) == pytest.approx(25, abs=1e-6)


def test_the_mean_is_over_pictures_not_pixels_or_batches():
    metric = PSNR()
    first = metric.update(GRAY + 1 / 255, GRAY)
    rest = metric.update((GRAY + 10 / 255).expand(3, -1, -1, -1), GRAY.expand(3, -1, -1, -1))
    assert metric.compute() == pytest.approx((first.item() + rest.sum().item()) / 4)


def test_ranks_join_by_sums():
    one, two, both = PSNR(), PSNR(), PSNR()
    for metric, level in ((one, 1), (two, 2), (two, 5)):
        for counted in (metric, both):
            counted.update(GRAY + level / 255, GRAY)
    assert one.compute(one.sums() + two.sums()) == pytest.approx(both.compute(), abs=1e-12)


def test_reset_and_the_mean_of_nothing():
    metric = L1()
    metric.update(GRAY, GRAY)
    metric.reset()
    assert math.isnan(metric.compute())


def test_identical_pictures_have_an_infinite_ratio():
    metric = PSNR()
    metric.update(GRAY + 1 / 255, GRAY)
    assert metric.update(GRAY, GRAY).tolist() == [math.inf]
    assert metric.compute() == math.inf
    assert SSIM().update(GRAY, GRAY).item() == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_types(dtype):
    assert PSNR().update(torch.ones_like(GRAY, dtype=dtype), torch.ones_like(GRAY)).isinf().all()


def test_gradients_stay_out():
    output = GRAY.clone().requires_grad_()
    assert not PSNR().update(output, GRAY).requires_grad


@pytest.mark.parametrize("shape", [(1, 3, 16, 15), (1, 1, 16, 16), (2, 3, 16, 16)])
def test_shapes_that_differ(shape):
    with pytest.raises(ImageError, match="16x16 px with 3 channels") as caught:
        SSIM().update(torch.zeros(shape), GRAY)
    assert "\n" not in str(caught.value)


def test_too_small():
    small = torch.zeros(1, 3, 10, 40)
    with pytest.raises(ImageError, match="11x11 px or more, got 40x10"):
        SSIM().update(small, small)
    with pytest.raises(ImageError, match="got 10x10 px within crop_border 3"):
        SSIM(crop_border=3).update(GRAY, GRAY)
    with pytest.raises(ImageError, match="crop_border 5 leaves nothing"):
        PSNR(crop_border=5).update(small, small)


def test_protocol_says_how():
    facts = SSIM(crop_border=4, y_channel=True).protocol()
    assert facts["metric"] == "SSIM" and facts["crop_border"] == 4
    assert "BT.601" in facts["channels"] and facts["data_range"] == 255
    assert "sigma 1.5" in facts["window"] and facts["covariance"] == "population"


def test_direction():
    better = {"L1": False, "LPIPS": False, "PSNR": True, "SSIM": True}
    assert {name: METRICS.get(name).higher_is_better for name in better} == better


def config(**metrics):
    cfg = get_defaults()
    cfg.METRICS = Config(**{key: Config(**spec) for key, spec in metrics.items()})
    return cfg


def test_built_from_a_config():
    assert build_metrics(get_defaults()) == {}
    built = build_metrics(
        config(
            y={"NAME": "PSNR", "ARGS": {"crop_border": 4, "y_channel": True}},
            ssim={"NAME": "SSIM", "ARGS": {}},
        )
    )
    assert list(built) == ["y", "ssim"]
    assert built["y"].crop_border == 4 and built["y"].y_channel
    assert isinstance(built["ssim"], SSIM)


def test_what_is_no_metric_is_named(monkeypatch):
    class Stranger:
        pass

    monkeypatch.setitem(METRICS._parts, "Stranger", Stranger)
    spec = {"NAME": "Stranger", "ARGS": {}}
    with pytest.raises(ConfigError, match=r"METRICS\.m\.NAME: Stranger must derive from .*Metric"):
        build_metrics(config(m=spec))


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"NAME": "PSRN", "ARGS": {}}, r"METRICS\.m\.NAME.*PSNR"),
        ({"NAME": "PSNR", "ARGS": {"border": 4}}, r"METRICS\.m\.ARGS\.border.*crop_border"),
        ({"NAME": "PSNR", "ARGS": {"crop_border": -1}}, r"METRICS\.m\.ARGS.*0 or more"),
        ({"NAME": "LPIPS", "ARGS": {"net": "alexnet"}}, r"METRICS\.m\.ARGS.*did you mean alex"),
    ],
)
def test_wrong_config_names_the_key(spec, place):
    with pytest.raises(ConfigError, match=place):
        build_metrics(config(m=spec))
