"""Whatever is uploaded, a server answers with a picture or says what is wrong with the upload."""

import base64
import io
import re
import socket

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from serving.uploads import decode_upload
from tests.forks import Run
from tests.serving.mutations import FORM, base_files, form, mutated_upload
from tests.serving.servers import LIMIT, address_in
from utils.errors import ImageError, ImageTooLargeError
from utils.image_headers import read_header
from utils.images import decode_image

MOST_PIXELS = 1_000_000
# Each route that decodes, and that encodes in its own way.
ROUTES = (
    "/infer",
    "/v1/restore/glare?format=own",
    "/v1/restore/low-light",
    "/v1/restore/super-resolution?model=TinySRGAN&format=own",
    "/v1/auto?model=TinySRGAN&format=own",
    "/v1/detect",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that runs, and a client of it."""
    folder = tmp_path_factory.mktemp("server")
    words = ("--port", 0, "--device", "cpu", "--backend", "pytorch", "--no-page")
    words = (*words, "--max-megapixels", MOST_PIXELS / 1e6)
    run = Run("serve", words, folder, {"TMPDIR": str(folder)})
    try:
        with httpx.Client(base_url=address_in(folder), timeout=LIMIT) as client:
            yield run, client
            assert client.get("/ping").status_code == 200
            printed = "".join(file.read_text() for file in folder.glob(".err*"))
            assert "Traceback" not in printed
            assert [file.name for file in folder.iterdir() if file.name[0] != "."] == []
    finally:
        run.kill()


def send(client, upload, route):
    headers = {"content-type": upload.content_type}
    return client.post(route, content=upload.body, headers=headers)


def assert_answered(answer, told):
    """A result that can be read, or one line that says what to do."""
    status, kind = answer.status_code, answer.headers["content-type"]
    if status != 200:
        assert 400 <= status < 500, (told, status, answer.text)
        assert set(answer.json()) == {"detail"}, told
        detail = answer.json()["detail"]
        assert detail and "\n" not in detail and not re.search(r"/\w+/\w+|\w+\.py", detail), told
    elif kind == "application/json" and "verdict" in answer.json():
        assert 0 <= answer.json()["probability"] <= 1, told
    else:
        inside = kind == "application/json"
        data = base64.b64decode(answer.json()["image"]) if inside else answer.content
        assert decode_image(data, told).size, told


def test_files_as_they_are(server):
    _, client = server
    statuses = {}
    for name, data in base_files().items():
        answer = client.post("/infer", files={"image": (name, data)})
        assert_answered(answer, name)
        statuses[name] = answer.status_code
    read = {name for name, status in statuses.items() if status == 200}
    for name in ("png palette", "png rgb16", "apng", "webp animated", "png 1x1", "jpeg 1x20000"):
        assert name in read
    assert statuses["png 100000x100000"] == statuses["jpeg 65535x65535"] == 413
    for name in ("gif animated", "svg", "heif", "jpeg cmyk", "tif float"):
        assert statuses[name] == 415, name
    for name in ("empty", "text", "zip", "bmp 800x800 in little data"):
        assert statuses[name] == 400, name


@pytest.mark.parametrize("part", range(6))
def test_damaged_uploads(server, part):
    _, client = server
    for seed in range(60 * part, 60 * (part + 1)):
        upload = mutated_upload(seed)
        assert_answered(send(client, upload, ROUTES[seed % len(ROUTES)]), upload.told)


@pytest.mark.endurance
def test_thousands_of_damaged_uploads_leave_no_trace(server, record_testsuite_property):
    run, client = server
    process = psutil.Process(run.pid)
    memory = []
    for seed in range(1000, 6000):
        upload = mutated_upload(seed)
        assert_answered(send(client, upload, ROUTES[seed % len(ROUTES)]), upload.told)
        memory.append(process.memory_info().rss)
    # All buffers have their size by the middle.
    middle, end = (np.median(memory[part]) for part in (slice(2000, 3000), slice(4000, 5000)))
    figures = f"{middle / 1e6:.0f} MB in the middle, {end / 1e6:.0f} MB at the end"
    record_testsuite_property("memory", figures)  # in the report of --junitxml
    assert end < 1.05 * middle, figures
    assert process.num_fds() < 40


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /infer HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\nContent-Length: 99999\r\n\r\n%b",
        b"POST /infer HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nffff\r\n%b",
        b"POST /infer HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\nContent-Length: -5\r\n\r\n%b",
        b"POST /infer HTTP/1.1\r\nContent-Type: %b\r\nContent-Length: 10\r\n\r\n%b",
        b"\x16\x03\x01%b%b",
    ],
    ids=["cut off", "chunk cut off", "negative length", "too long", "no HTTP"],
)
def test_connections_that_break_off(server, sent):
    _, client = server
    port = client.base_url.port
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(sent % (FORM.encode(), form(base_files()["png"])[:700]))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    answer = client.post(
        "/infer", content=form(base_files()["png"]), headers={"content-type": FORM}
    )
    assert answer.status_code == 200


@pytest.mark.filterwarnings("ignore")  # Pillow's, about the files
def test_what_is_decoded_is_what_the_header_says():
    """Else a picture that is refused for its size could pass as a smaller one."""

    def check(height, width):
        if height * width > MOST_PIXELS:
            raise ImageTooLargeError("too large")

    decoded = 0
    for seed in range(400):
        data = mutated_upload(seed).file
        try:
            picture = decode_upload(data, check)
        except ImageError:
            continue
        header = read_header(io.BytesIO(data), "a")
        assert picture.image.shape[:2] == header.upright
        assert picture.image.dtype.itemsize * 8 == header.bits
        assert picture.image.shape[2] in (1, 3, 4)
        decoded += 1
    assert decoded > 50


def test_the_uploads_are_what_they_are_meant_to_be():
    files = base_files()
    assert Image.open(io.BytesIO(files["webp animated"])).n_frames == 3
    assert Image.open(io.BytesIO(files["apng"])).n_frames == 3
    assert len({mutated_upload(seed).body for seed in range(200)}) > 190
    assert mutated_upload(7) == mutated_upload(7)
