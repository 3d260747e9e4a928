"""Each thing that can be wrong with a request has its status, and one line that says what to do."""

import io
import re
import struct
import tempfile
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.restorer import Restorer
from serving.errors import without_paths
from utils.images import encode_image, encode_png

GLARE = "/v1/restore/glare"
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def send(client, route, data, headers=None, **query):
    return client.post(route, params=query, files={"image": ("a", data)}, headers=headers)


def refused(answer, status, *said):
    """Assert that an answer is this refusal: JSON, one line, no path, no traceback."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    detail = answer.json()["detail"]
    assert all(word in detail for word in said), detail
    assert "\n" not in detail and "Traceback" not in detail and ".py" not in detail
    assert not re.search(r"(?<![\w:/])/[a-z]\w*/", detail)


def saved(kind, mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(PICTURE).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def png_header(width, height):
    """A PNG file without pixels: were it decoded, it would be found incomplete."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


def raw_ycbcr():
    stream = io.BytesIO()
    tifffile.imwrite(stream, PICTURE, photometric="ycbcr", subsampling=(1, 1))
    return stream.getvalue()


RAW_YCBCR = raw_ycbcr()
PNG, JPEG = encode_png(PICTURE), encode_image(PICTURE, ".jpg", "")


@pytest.mark.parametrize("route", ["/infer", GLARE, "/v1/detect", "/v1/auto"])
@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"", 400, "empty"),
        (b"\x00", 400, "is not a PNG"),
        (b"no picture at all", 400, "is not a PNG"),
        (PNG[: len(PNG) // 2], 400, "damaged or incomplete"),
        (PNG[:20], 400, "Truncated"),
        (JPEG[: len(JPEG) // 2], 400, "damaged or incomplete"),
        (saved("GIF"), 415, "GIF pictures are not read"),
        (saved("JPEG", "CMYK"), 415, "CMYK"),
        (RAW_YCBCR, 415, "YCbCr TIFF pictures without compression are not read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "SVG"),
        (png_header(50000, 50000), 413, "too large"),
        (png_header(8000, 5000), 413, "8000x5000 pixels, more than the 32,000,000 allowed"),
    ],
)
def test_what_is_uploaded(client, route, data, status, said):
    refused(send(client, route, data), status, "image: ", said)


def test_pixels_of_the_result_count(serve, client):
    data = png_header(2000, 1000)
    refused(send(client, "/v1/restore/super-resolution", data), 400, "damaged")
    data = png_header(2000, 1001)
    refused(send(client, "/v1/restore/super-resolution", data), 413, "4 times as high and wide")
    for scale in (5, 1e4):
        refused(send(client, GLARE, data, scale=scale), 413, f"{scale:g} times")
    tight = serve(max_megapixels=0.002)
    assert send(tight, GLARE, PNG).status_code == 200
    refused(send(tight, GLARE, encode_png(PICTURE[:, :, :1].repeat(2, 0))), 413, "2,000 allowed")


def test_forms(client):
    refused(client.post("/infer"), 422, "image: is missing", "multipart form")
    refused(client.post("/infer", json={"image": "x"}), 422, "image: is missing")
    refused(client.post("/infer", files={"picture": PNG}), 422, "image: is missing")
    refused(client.post("/infer", files={"image": (None, "text")}), 422, "is text, not a file")
    two = [("image", ("a", PNG)), ("image", ("b", PNG))]
    refused(client.post("/infer", files=two), 422, "Too many files")
    headers = {"content-type": "multipart/form-data"}
    refused(client.post("/infer", content=b"x", headers=headers), 422, "boundary")
    headers = {"content-type": "multipart/form-data; boundary=b"}
    refused(client.post("/infer", content=b"nonsense", headers=headers), 422, "image: ")


@pytest.mark.parametrize(
    ("route", "query", "said"),
    [
        (GLARE, {"tile": 0}, "tile: "),
        (GLARE, {"tile": 15}, "tile: Input should be greater than or equal to 16"),
        ("/v1/auto", {"tile": 1}, "tile: "),
        (GLARE, {"tile": "x"}, "tile: "),
        (GLARE, {"scale": -1}, "scale: "),
        (GLARE, {"scale": "nan"}, "scale: "),
        (GLARE, {"scale": "inf"}, "scale: inf; give a factor from 0.0001 to 10000"),
        (GLARE, {"scale": 1e300}, "scale: 1e+300; give a factor from"),
        (GLARE, {"scale": 1e-9}, "scale: 1e-09; give a factor from"),
        (GLARE, {"self_ensemble": "perhaps"}, "self_ensemble: "),
        (GLARE, {"format": "gif"}, "format: "),
        (GLARE, {"model": "Glarenet"}, "did you mean GlareNet?"),
        ("/v1/auto", {"scale": 2}, "scale: "),
        ("/v1/detect", {"method": "edge"}, "did you mean edges?"),
    ],
)
def test_options(client, route, query, said):
    refused(send(client, route, PNG, **query), 422, said)


def test_mouth_keeps_a_pictures_size(client, unserved):
    if "mouth" in unserved:
        pytest.skip("needs a face detector: YuNet's file, or the packages of requirements-face.txt")
    said = "scale: mouth keeps a picture's size"
    refused(send(client, "/v1/restore/mouth", PNG, scale=2), 422, said)


def test_unknown_systems_and_routes(client):
    answer = send(client, "/v1/restore/glares", PNG)
    refused(answer, 404, "system: there is no 'glares'; did you mean glare?")
    refused(client.get("/nowhere"), 404)
    refused(client.get("/infer"), 405)


def test_too_many_bytes_are_not_read(serve):
    client = serve(max_upload_mb=0.1)
    noise = encode_png(np.random.default_rng(0).integers(0, 256, (300, 300), dtype=np.uint8))
    assert 80_000 < len(noise) < 100_000
    assert send(client, GLARE, noise).status_code == 200
    for size in (100_001, 10_000_000):
        refused(send(client, GLARE, bytes(size)), 413, "image: has more than the 100,000 bytes")
    read = 0

    def endless():
        nonlocal read
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        while read < 5_000_000:
            read += 50_000
            yield bytes(50_000)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = client.post(GLARE, content=endless(), headers=headers)
    refused(answer, 413, "image: has more than the 100,000 bytes")


def test_the_key(serve):
    client = serve(api_key="open sesame")
    for route in ("/infer", GLARE, "/v1/detect", "/v1/auto"):
        refused(client.post(route), 401, "X-API-Key: the API key is missing")
        refused(send(client, route, PNG, {"X-API-Key": "open"}), 401, "is wrong")
        assert send(client, route, PNG, {"X-API-Key": "open sesame"}).status_code == 200
    refused(client.get("/v1/systems"), 401)
    for route in ("/ping", "/healthz", "/readyz", "/metrics", "/docs"):
        assert client.get(route).status_code == 200


def test_out_of_time(serve):
    slow = serve(time_limit=0.5)
    large = encode_png(np.zeros((1400, 1400, 3), np.uint8))
    answer = send(slow, "/v1/restore/super-resolution", large, self_ensemble=True, model="EDSR")
    refused(answer, 503, "not done within 0.5 s")
    assert int(answer.headers["retry-after"]) >= 1
    assert send(serve(), GLARE, PNG).status_code == 200


def test_defects_are_told_to_the_log_only(client, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a secret in /etc/passwd")

    monkeypatch.setattr(Restorer, "restore", fail)
    monkeypatch.setattr(Restorer, "restore_many", fail)
    answer = send(client, GLARE, PNG)
    refused(answer, 500, "its log tells why")
    assert "secret" not in answer.text


def test_messages_lose_their_paths_and_lines():
    told = without_paths("/srv/models/a b.onnx: is none, see https://example.org/x/y.\nUse z/w")
    assert told == "a b.onnx: is none, see https://example.org/x/y. Use z/w"
    assert without_paths("no /home/me/weights/w.safetensors here") == "no w.safetensors here"


def test_no_file_is_written(client, monkeypatch, tmp_path):
    """Above 1 MB Starlette would put an upload into the temporary folder, which is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    noise = np.random.default_rng(0).integers(0, 256, (800, 900, 3), dtype=np.uint8)
    data = encode_png(noise)
    assert len(data) > 2_000_000
    for route in ("/infer", GLARE, "/v1/detect", "/v1/auto"):
        assert send(client, route, data).status_code == 200
    assert list(tmp_path.iterdir()) == []
