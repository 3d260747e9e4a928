"""What the routes answer is what the engine gives for the same file, to the bit."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from data.degradations.pixelation import resize_nearest
from engine.correction import BlockRestorer
from engine.detector import Detector
from engine.restore_options import RestoreOptions
from engine.restorer import Restorer
from engine.systems import DETECTION_WEIGHTS, SYSTEMS
from engine.verdict import judge
from utils.images import decode_image, encode_image, encode_png


def restorer(system, model=None):
    weights = SYSTEMS[system].weights
    return Restorer.from_weights(weights[model] if model else SYSTEMS[system].default, "cpu")


def send(client, route, data, **query):
    return client.post(route, params=query, files={"image": ("picture", data)})


def decoded(data):
    return decode_image(data, "answer", keep_alpha=True)


@pytest.fixture
def photograph():
    return np.ascontiguousarray(astronaut()[:63, 100:175])


def with_channels(photograph, channels, dtype=np.uint8):
    deep = photograph.astype(dtype) * (np.iinfo(dtype).max // 255)
    if channels == 4:
        return np.dstack([deep, deep[..., :1]])
    return np.ascontiguousarray(deep[..., :channels])


def test_ping(client):
    assert client.get("/ping").json() == {"message": "pong"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_infer_keeps_the_earlier_contract(client, photograph, channels, dtype):
    picture = with_channels(photograph, channels, dtype)
    answer = send(client, "/infer", encode_png(picture))
    assert answer.status_code == 200 and list(answer.json()) == ["image"]
    data = base64.b64decode(answer.json()["image"], validate=True)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "PNG"
        assert opened.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    expected = restorer("glare").restore(picture)
    if dtype == np.uint16:
        expected = np.rint(expected / 257).astype(np.uint8)
    assert np.array_equal(decoded(data), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("system", ["glare", "low-light"])
def test_depth_size_and_transparency_are_kept(client, photograph, system, channels, dtype):
    picture = with_channels(photograph, channels, dtype)
    answer = send(client, f"/v1/restore/{system}", encode_png(picture))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert np.array_equal(decoded(answer.content), restorer(system).restore(picture))


@pytest.mark.parametrize("model", SYSTEMS["super-resolution"].weights)
def test_each_network_can_be_asked_for(client, photograph, model):
    small = photograph[:24, :20]
    answer = send(client, "/v1/restore/super-resolution", encode_png(small), model=model)
    expected = restorer("super-resolution", model).restore(np.ascontiguousarray(small))
    assert np.array_equal(decoded(answer.content), expected)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({"tile": 32}, RestoreOptions(tile=32)),
        ({"scale": 1.5}, RestoreOptions(outscale=1.5)),
        ({"self_ensemble": True}, RestoreOptions(self_ensemble=True)),
    ],
)
def test_options_are_the_restorers(client, photograph, query, options):
    answer = send(client, "/v1/restore/super-resolution", encode_png(photograph), **query)
    expected = restorer("super-resolution").restore(photograph, options=options)
    assert np.array_equal(decoded(answer.content), expected)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_the_uploads_own_format_on_request(client, photograph, suffix):
    data = encode_image(photograph, suffix, "upload")
    expected = restorer("glare").restore(decoded(data))
    png = send(client, "/v1/restore/glare", data)
    own = send(client, "/v1/restore/glare", data, format="own")
    assert np.array_equal(decoded(png.content), expected)
    assert own.content == encode_image(expected, suffix, "expected")
    with Image.open(io.BytesIO(own.content)) as opened:
        assert Image.MIME[opened.format] == own.headers["content-type"]


def test_sixteen_bits_in_the_own_format(client, photograph):
    picture = with_channels(photograph, 3, np.uint16)
    data = encode_image(picture, ".tif", "upload")
    answer = send(client, "/v1/restore/glare", data, format="own")
    assert np.array_equal(decoded(answer.content), restorer("glare").restore(picture))


@pytest.mark.parametrize("route", ["/v1/restore/glare", "/infer"])
def test_orientation_is_applied(client, photograph, route):
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photograph).save(stream, "PNG", exif=exif)
    answer = send(client, route, stream.getvalue())
    data = answer.content
    if route == "/infer":
        data = base64.b64decode(answer.json()["image"])
    upright = np.ascontiguousarray(np.rot90(photograph, -1))
    assert np.array_equal(decoded(data), restorer("glare").restore(upright))


@pytest.fixture
def clean():
    return encode_image(np.ascontiguousarray(astronaut()[:300, :390]), ".jpg", "clean")


@pytest.fixture
def mosaic():
    return encode_png(resize_nearest(astronaut()[1:300:3, 1:390:3], 300, 390))


def test_detection(client, clean, mosaic):
    for data in (clean, mosaic):
        found = judge(Detector.from_weights(DETECTION_WEIGHTS, "cpu"), decoded(data))
        assert send(client, "/v1/detect", data).json() == {
            "verdict": found.verdict,
            "probability": found.probability,
            "block": found.block,
        }
    asked = send(client, "/v1/detect", mosaic, method="edges").json()
    assert asked["verdict"] == "pixelated" and asked["block"] == pytest.approx(3, rel=0.01)


def test_auto_corrects_what_is_pixelated(client, mosaic):
    answer = send(client, "/v1/auto", mosaic)
    assert answer.headers["pellucid-verdict"] == "pixelated"
    assert float(answer.headers["pellucid-probability"]) > 0.5
    assert float(answer.headers["pellucid-block"]) == pytest.approx(3, rel=0.01)
    corrected = BlockRestorer(restorer("pixelation")).restore(decoded(mosaic))
    assert np.array_equal(decoded(answer.content), corrected)
    unasked = send(client, "/v1/restore/pixelation", mosaic)
    assert unasked.content == answer.content


def test_auto_leaves_a_clean_picture_alone(client, clean):
    answer = send(client, "/v1/auto", clean)
    assert answer.headers["pellucid-verdict"] == "clean"
    assert "pellucid-block" not in answer.headers
    assert np.array_equal(decoded(answer.content), decoded(clean))
    assert send(client, "/v1/auto", clean, format="own").content == clean


def test_strange_sizes_pass_every_route(client, unserved):
    systems = [f"/v1/restore/{system}" for system in SYSTEMS if system not in unserved]
    for shape in ((1, 1, 3), (1, 3000, 1), (2, 3, 4)):
        data = encode_png(np.full(shape, 90, np.uint8))
        for route in (*systems, "/v1/auto", "/v1/detect"):
            assert send(client, route, data).status_code == 200, (shape, route)


def test_the_catalogue_names_everything(client, unserved):
    told = client.get("/v1/systems").json()
    assert [offer["name"] for offer in told["systems"]] == list(SYSTEMS)
    for offer in told["systems"]:
        assert [choice["name"] for choice in offer["models"]] == [*SYSTEMS[offer["name"]].weights]
        assert offer["available"] == (offer["name"] not in unserved)
        assert (offer["reason"] is None) == offer["available"]
    assert [choice["name"] for choice in told["methods"]][0] == "edges"
