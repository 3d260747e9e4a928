"""What the page's server lets in: through Gradio's own routes, and no further."""

import time

import numpy as np
import pytest

from serving.page.cache import Cache
from serving.page.doors import _FORM
from tests.serving.page.events import described, join, press, upload
from utils.errors import ConfigError
from utils.images import encode_png

PICTURE = encode_png(np.full((30, 40, 3), 20, np.uint8))
SETTINGS = ["glare", None, None, 0]  # what stands on the page beside the picture


def files(folder):
    return {file.name for file in folder.rglob("*") if file.is_file()}


def test_an_upload_is_kept_and_deleted_in_time(ask, folder):
    client = ask(delete_cache=(1, 2))
    path = upload(client, PICTURE)["path"]
    assert client.get(f"/gradio_api/file={path}").content == PICTURE
    until = time.monotonic() + 30
    while "picture.png" in files(folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)
    message = press(client, "restore", [described(path), *SETTINGS])["output"]
    assert message["error"] == "the picture is no longer on the server; upload it again"
    assert len(files(folder)) == 4  # the samples stay


def parts_of(data):
    """A form whose length is not told."""
    yield b'--a\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]
    yield b"\r\n--a--\r\n"


def test_an_upload_above_the_limit_is_refused_and_not_kept(ask, folder):
    client = ask(max_upload_mb=0.1)
    before = files(folder)
    for large in ({"files": ("a.png", bytes(100_001))}, {"field": (None, bytes(200_000))}):
        assert client.post("/gradio_api/upload", files=large).status_code == 413
    many = [("files", (f"{n}.png", bytes(90_000))) for n in range(5)]
    assert client.post("/gradio_api/upload", files=many).status_code == 413
    form = {"Content-Type": "multipart/form-data; boundary=a"}
    for size, status in ((99_999, 200), (100_001, 413), (100_000 + _FORM, 413)):
        answer = client.post("/gradio_api/upload", content=parts_of(bytes(size)), headers=form)
        assert answer.status_code == status, size
    assert len(files(folder) - before) == 1
    assert client.post("/gradio_api/queue/join", content=bytes(300_000)).status_code == 413


def test_without_room_no_upload(ask, folder):
    client = ask(room=300_000)  # the samples take most of it
    upload(client, PICTURE)
    (folder / "rest").write_bytes(bytes(100_000))
    answer = client.post("/gradio_api/upload", files={"files": ("a.png", PICTURE)})
    assert answer.status_code == 503 and answer.headers["Retry-After"]


def test_without_room_on_the_disk_nothing_is_kept(folder):
    cache = Cache(age=600, room=2**29)
    assert cache.has_room(1000) and not cache.has_room(2**60)  # an exbibyte


def test_rests_of_uploads_go(folder):
    cache = Cache(age=0, room=100)
    (folder / "tmp_broken_off").write_bytes(bytes(200))
    (folder / "emptied").mkdir()
    (folder / "finished").mkdir()
    (folder / "finished" / "a.png").write_bytes(bytes(100))
    time.sleep(0.02)
    assert not Cache(age=100, room=100).has_room(0)
    cache.has_room(0)
    assert {path.name for path in folder.rglob("*")} == {"finished", "a.png"}


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info"])
def test_without_the_key_there_is_no_page(ask, path):
    client = ask(api_key="secret")
    refused = client.get(path)
    assert refused.status_code == 401 and "secret" not in refused.text
    assert refused.headers["WWW-Authenticate"].startswith("Basic")  # so that browsers ask for it
    assert client.get(path, auth=("anyone", "wrong")).status_code == 401
    assert client.get(path, headers={"Authorization": "Basic %"}).status_code == 401
    assert client.get(path, auth=("anyone", "secret")).status_code == 200
    assert client.get(path, headers={"X-API-Key": "secret"}).status_code == 200


def test_without_the_key_nothing_is_kept_or_done(ask, folder):
    client = ask(api_key="secret")
    before = files(folder)
    answer = client.post("/gradio_api/upload", files={"files": ("a.png", PICTURE)})
    assert answer.status_code == 401 and "Traceback" not in answer.text
    assert files(folder) == before
    event = {"data": [], "fn_index": 0, "session_hash": "a"}
    assert client.post("/gradio_api/queue/join", json=event).status_code == 401
    assert client.get("/ping").status_code == 200  # the API's own routes stay as they are


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=https://example.org/a.png",
        "/gradio_api/proxy=https://example.org/a.png",
        "/gradio_api/deep_link?session_hash=a",
        "/gradio_api/runs",
        "/monitoring",
        "/monitoring/summary",
        "/v1/nothing",
    ],
)
def test_what_the_page_does_not_need_is_closed(ask, path):
    answer = ask().get(path)
    assert answer.status_code == 404 and answer.json() == {"detail": "there is no such route"}


def test_no_file_but_an_upload_is_read(ask, folder, tmp_path):
    client = ask()
    (tmp_path / "beside.png").write_bytes(PICTURE)
    secret = str(tmp_path / "beside.png")
    assert client.get(f"/gradio_api/file={secret}").status_code in (403, 404)
    addresses = ("http://127.0.0.1:1/a.png", "//127.0.0.1/a.png", "https:a.png")
    for path in (secret, f"{folder}/../beside.png", str(folder), "a\0b", *addresses):
        for picture in (described(path), {"path": path}, [{"a": {"path": path}}]):
            answer = join(client, "restore", [picture, *SETTINGS])
            assert answer.status_code == 400, picture
    for broken in (b"{", b"[" * 100_000, b"\xff"):
        assert client.post("/gradio_api/queue/join", content=broken).status_code == 400


def test_other_sites_may_not_read_the_page(ask):
    client = ask()
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "http://localhost:1"}):
        answer = client.get("/config", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_folder_that_cannot_be_written_to_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="GRADIO_TEMP_DIR") as raised:
        Cache(age=1, room=1)
    assert str(tmp_path / "file") in str(raised.value)


def test_without_a_name_the_folder_is_new_and_the_systems(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # restored when the test is over
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert Cache(age=1, room=1).folder.parent == tmp_path
