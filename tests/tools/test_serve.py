"""tools/serve.py: a server on loopback, in a process of its own, from its start to its end."""

import base64
import itertools
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import numpy as np
import pytest

from engine.restorer import Restorer
from engine.systems import SYSTEMS
from serving.server import listen
from tests.forks import Run
from tests.serving.servers import LIMIT, address_in
from tools.serve import build_parser, main
from utils.command_line import run_tool
from utils.errors import ConfigError
from utils.images import decode_image, encode_png


@pytest.fixture
def start(tmp_path):
    """Starts servers, each in a folder of its own; gives a run and a client of it."""
    numbers = itertools.count()

    def begin(*words, environment=None):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        words = ("--port", 0, "--device", "cpu", "--backend", "pytorch", *words)
        run = Run("serve", words, folder, {"TMPDIR": str(folder), **(environment or {})})
        running.callback(run.kill)
        client = httpx.Client(base_url=address_in(folder), timeout=LIMIT)
        return run, running.enter_context(client)

    with ExitStack() as running:
        yield begin


def written(folder):
    names = (file.name for file in folder.rglob("*"))
    return {name for name in names if not name.startswith((".out", ".err"))}


def test_from_start_to_end(start, tmp_path):
    run, client = start("--grace", 0, "--max-upload-mb", 2)
    assert client.get("/ping").json() == {"message": "pong"}
    assert "Pellucid" in client.get("/").text
    assert client.get("/readyz").status_code == 200
    kept = written(tmp_path / "0")
    picture = np.random.default_rng(0).integers(0, 256, (600, 700, 3), dtype=np.uint8)
    data = encode_png(picture)
    assert len(data) > 1_200_000  # what Starlette would put into a file
    expected = Restorer.from_weights(SYSTEMS["glare"].default, "cpu").restore(picture)
    inferred = client.post("/infer", files={"image": ("a.png", data)})
    answered = base64.b64decode(inferred.json()["image"])
    assert np.array_equal(decode_image(answered, "infer"), expected)
    restored = client.post("/v1/restore/glare", files={"image": ("a.png", data)})
    assert restored.content == answered
    assert "server" not in restored.headers
    refused = client.post("/infer", files={"image": ("a.png", bytes(4_000_000))})
    assert refused.status_code == 413  # answered while it is still sent
    assert refused.json()["detail"].startswith("image: has more than the 2,000,000 bytes allowed")
    assert client.get("/ping").status_code == 200
    assert written(tmp_path / "0") == kept  # the page's samples, and of the API nothing
    os.kill(run.pid, signal.SIGTERM)
    ended = run.wait()
    assert ended.returncode == 0 and "Traceback" not in ended.stdout + ended.stderr
    assert any("pellucid-page" in name for name in kept)
    with pytest.raises(httpx.TransportError):
        client.get("/ping")


def test_after_sigterm_it_is_not_ready_and_finishes_what_is_in_hand(start):
    run, client = start("--grace", 30, "--no-page", environment={"PELLUCID_API_KEY": "key"})
    assert client.post("/infer").status_code == 401
    data = encode_png(np.zeros((30, 40, 3), np.uint8))
    form = client.build_request(
        "POST", "/infer", files={"image": ("a.png", data)}, headers={"X-API-Key": "key"}
    )
    body = form.read()
    head = "POST /infer HTTP/1.1\r\nHost: a\r\nX-API-Key: key\r\nConnection: close\r\n"
    head += f"Content-Type: {form.headers['content-type']}\r\nContent-Length: {len(body)}\r\n\r\n"
    address = (client.base_url.host, client.base_url.port)
    with (
        socket.create_connection(address, LIMIT) as in_hand,
        socket.create_connection(address, LIMIT) as silent,
    ):
        in_hand.sendall(head.encode() + body[:100])
        while "requests_inside 1.0" not in client.get("/metrics").text:
            time.sleep(0.05)
        os.kill(run.pid, signal.SIGTERM)
        while client.get("/readyz").status_code == 200:
            time.sleep(0.05)
        assert client.get("/healthz").status_code == 200
        os.kill(run.pid, signal.SIGTERM)  # a second one ends the wait
        with pytest.raises(httpx.TransportError):
            while True:
                httpx.get(client.base_url.join("/ping"))
        silent.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")  # who had connected is answered
        assert b"".join(iter(lambda: silent.recv(65536), b"")).startswith(b"HTTP/1.1 200 OK")
        in_hand.sendall(body[100:])
        answer = b"".join(iter(lambda: in_hand.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK") and b'{"image":"' in answer
    run.wait()


def test_who_keeps_connections_open_is_told_of_the_end_and_answered_until_then(start):
    run, client = start("--grace", 60, "--no-page")
    begun = threading.Barrier(9)

    def ask_until_told(_):
        with httpx.Client(base_url=client.base_url, timeout=LIMIT) as own:
            answers = [own.get("/ping")]
            begun.wait()
            while "connection" not in answers[-1].headers:
                answers.append(own.get("/ping"))
        return answers

    with ThreadPoolExecutor(8) as threads:
        asking = threads.map(ask_until_told, range(8))
        begun.wait()
        os.kill(run.pid, signal.SIGTERM)
        for answers in asking:
            assert {answer.status_code for answer in answers} == {200}
            assert answers[-1].headers["connection"] == "close"
    os.kill(run.pid, signal.SIGTERM)
    run.wait()


def test_a_port_that_is_taken():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: cannot be listened at"):
            listen("127.0.0.1", port)
    with pytest.raises(ConfigError, match="--port 70000"):
        listen("127.0.0.1", 70000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--weights", "glares=nowhere.safetensors"], "did you mean glare"),
        (["--weights", "a.safetensors", "--weights", "b.safetensors"], "glare: given twice, a."),
    ],
)
def test_what_cannot_be_served_is_said_at_the_start(words, said, capsys):
    assert run_tool(main, build_parser(), words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--weights", "a.safetensors"],
        ["--device", "cpu"],
        ["--backend", "pytorch"],
        ["--plugin", "no_such_lab"],
        ["--detector", "dlib"],
        ["--detector-model", "a.onnx"],
        ["--max-batch", "2"],
        ["--cors", "https://example.org"],
    ],
)
def test_what_the_page_alone_does_not_use_is_refused(words, capsys):
    assert run_tool(main, build_parser(), ["--api", "http://127.0.0.1:9", *words]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"error: {words[0]}: with --api no model is loaded; give this to ")
