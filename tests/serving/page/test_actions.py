"""What the page answers to what is pressed, as its events tell the browser."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.restorer import Restorer
from engine.systems import SYSTEMS
from serving.page.comparison import comparison
from serving.page.samples import SAMPLES
from serving.page.sharpening import sharpened
from tests.serving.page.events import press, upload
from utils.images import decode_image, encode_png, read_image

VERDICT, COMPARISON, NOTE, DOWNLOAD = range(4)  # what becomes of the right-hand side


def sample(system):
    return next(one.file for one in SAMPLES if one.system == system)


def downloaded(client, told):
    button = told["output"]["data"][DOWNLOAD]
    data = client.get(f"/gradio_api/file={button['value']['path']}").content
    return button["value"]["orig_name"], data


def test_the_download_has_all_bits_and_transparency(client, rng):
    image = rng.integers(0, 65536, (40, 50, 4), dtype=np.uint16)
    picture = upload(client, encode_png(image), "deep.png")
    name, data = downloaded(client, press(client, "restore", [picture, "glare", "", "", 0]))
    expected = Restorer.from_weights(SYSTEMS["glare"].default, "cpu").restore(image)
    assert name == "deep_glare.png"
    restored = decode_image(data, name, keep_alpha=True)
    assert restored.dtype == np.uint16 and np.array_equal(restored, expected)
    form = {"image": ("deep.png", encode_png(image))}
    assert client.post("/v1/restore/glare", files=form).content == data


@pytest.mark.parametrize("model", ["MobileSR", "MiniSRGAN", "TinySRGAN", "SRGAN", "EDSR"])
def test_every_network_is_chosen(client, model, rng):
    image = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = upload(client, encode_png(image))
    told = press(client, "restore", [picture, "super-resolution", model, "", 0])
    restorer = Restorer.from_weights(SYSTEMS["super-resolution"].weights[model], "cpu")
    expected = encode_png(restorer.restore(image))
    assert downloaded(client, told)[1] == expected


def test_sharpening_comes_after_the_model(client):
    data = sample("super-resolution").read_bytes()
    values = [upload(client, data), "super-resolution", "TinySRGAN", ""]
    plain = decode_image(downloaded(client, press(client, "restore", [*values, 0]))[1], "plain")
    sharp = decode_image(downloaded(client, press(client, "restore", [*values, 1.5]))[1], "sharp")
    blurred = cv2.GaussianBlur(plain, (17, 17), 2.0, borderType=cv2.BORDER_REPLICATE)
    expected = cv2.addWeighted(plain, 2.5, blurred, -1.5, 0)
    assert np.abs(sharp.astype(int) - expected).max() <= 3  # OpenCV rounds the blur
    assert np.abs(sharp.astype(int) - plain).max() > 20


def test_auto_corrects_what_is_pixelated_and_tells_how_sure_it_is(client):
    picture = upload(client, sample("auto").read_bytes(), "rocket.png")
    told = press(client, "restore", [picture, "auto", "depixelate", "edges", 0])
    verdict = told["output"]["data"][VERDICT]["value"]
    assert "Pixelated" in verdict and "blocks of about 3 pixels" in verdict
    assert "probability of pixelation 100 %" in verdict
    form = {"image": ("rocket.png", sample("auto").read_bytes())}
    assert downloaded(client, told)[1] == client.post("/v1/auto", files=form).content


def test_auto_leaves_alone_what_is_clean(client):
    picture = upload(client, sample("glare").read_bytes(), "label.jpg")
    told = press(client, "restore", [picture, "auto", "depixelate", "edges", 2])
    results = told["output"]["data"]
    assert "Clean" in results[VERDICT]["value"] and "left as it is" in results[NOTE]["value"]
    assert results[COMPARISON] is None and results[DOWNLOAD]["visible"] is False


def test_checking_gives_the_verdict_alone(client):
    picture = upload(client, sample("auto").read_bytes(), "rocket.png")
    results = press(client, "check", [picture, "edges"])["output"]["data"]
    assert "Pixelated" in results[VERDICT]["value"] and results[COMPARISON] is None


@pytest.mark.parametrize(
    ("data", "looked", "said"),
    [
        (b"", "the file is empty", "the file is empty"),
        (b"no picture", "is not a PNG, JPEG", "is not a PNG, JPEG, TIFF, WebP or BMP picture"),
        (encode_png(np.zeros((30, 40, 3), np.uint8))[:60], "40 &times; 30", "image: "),
    ],
)
def test_a_bad_file_is_told_in_one_line(client, data, looked, said):
    picture = upload(client, data, "bad.png")
    facts = press(client, "picture", [picture])["output"]["data"][0]["value"]
    assert looked in facts and str(picture["path"]) not in facts
    told = press(client, "restore", [picture, "glare", "", "", 0])["output"]
    assert said in told["error"] and "Traceback" not in str(told)
    assert "\n" not in told["error"] and "/" not in told["error"]


def test_a_picture_too_large_is_refused_by_its_header(ask):
    client = ask(max_megapixels=0.1)
    picture = upload(client, encode_png(np.zeros((300, 400, 3), np.uint8)))
    facts = press(client, "picture", [picture])["output"]["data"][0]["value"]
    told = press(client, "restore", [picture, "glare", "", "", 0])["output"]
    assert all("has 400x300 pixels, more than the" in said for said in (facts, told["error"]))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([None, "glare", "", "", 0], "no picture yet"),
        (["picture", "glory", "", "", 0], "system: choose"),
        (["picture", ["glare"], "", "", 0], "system: choose"),
        (["picture", "glare", "", "", 9], "sharpening: give"),
        (["picture", "glare", "", "", "a"], "sharpening: give"),
        (["picture", "auto", "", "guess", 0], "method: there is no"),
    ],
)
def test_what_only_a_program_would_send_is_refused_in_one_line(client, values, said):
    data = encode_png(np.zeros((30, 40, 3), np.uint8))
    values = [upload(client, data) if value == "picture" else value for value in values]
    told = press(client, "restore", values)["output"]
    assert said in told["error"]
    assert "Traceback" not in str(told)


def test_a_defect_is_not_told(make_app, folder):
    from fastapi.testclient import TestClient

    from serving.catalogue import Catalogue, Choice, Offer

    class Broken:
        def systems(self):
            models = [Choice("Net", True, None)]
            return Catalogue([Offer("glare", "removes glare", models, True, None)], [])

        async def restore(self, *_, **__):
            raise ValueError("/somewhere/secret")

    with TestClient(make_app(backend=Broken())) as client:
        picture = upload(client, encode_png(np.zeros((30, 40, 3), np.uint8)))
        told = press(client, "restore", [picture, "glare", "Net", "", 0])
    assert told["output"]["error"] == "the server failed at this; its log says why"
    assert "secret" not in str(told) and "Traceback" not in str(told)


def test_what_is_not_offered_is_not_to_be_chosen():
    from serving.catalogue import Catalogue, Choice, Offer
    from serving.page.choices import Choices

    gone = Choice("MouthNet", False, "no face detector")
    offers = [
        Offer("glare", "removes glare", [Choice("GlareNet", True, None)], True, None),
        Offer("mouth", "sharpens mouths", [gone], False, gone.reason),
    ]
    choices = Choices(Catalogue(offers, []))
    assert choices.systems == ["glare"] and choices.about("glare") == "Removes glare."
    assert choices.missing == "Not offered here. Mouth: no face detector"


def test_samples_are_small_and_can_be_taken(client):
    assert sum(one.file.stat().st_size for one in SAMPLES) < 400_000
    for index, one in enumerate(SAMPLES):
        taken, system = press(client, "samples", [index])["output"]["data"]
        assert Path(taken["path"]).read_bytes() == one.file.read_bytes()
        assert system == one.system


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_before_and_after_are_equal_in_size_opaque_and_of_8_bit(rng, channels):
    before = rng.integers(0, 65536, (30, 900, channels), dtype=np.uint16)
    after = np.repeat(np.repeat(before, 4, axis=0), 4, axis=1)
    shown = comparison(before, after)
    assert [one.shape for one in shown] == [(53, 1600, 3)] * 2
    assert all(one.dtype == np.uint8 for one in shown)
    clear = np.zeros((8, 8, 4), np.uint8)
    assert (comparison(clear, clear)[0] == 255).all()  # paper behind it


def test_no_sharpening_is_the_picture_itself():
    image = read_image(sample("super-resolution"))
    assert sharpened(image, 0.0) is image
