"""What docs/serving.md says, done by a real server that runs from the files of the image alone."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.deploy.test_image import TAKEN, TEXT
from tests.markdown import blocks
from utils.images import read_image

pytest.importorskip("fastapi", reason="needs requirements-serve.txt")

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "serving.md"
ADDRESS = "localhost:4000"
PATIENCE = 120.0  # seconds until a server that does not answer has failed
SAMPLES = "serving/page/samples"


def files_of(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def wait_until_ready(address, process):
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            return urllib.request.urlopen(f"http://{address}/readyz", timeout=5)
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server does not get ready")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The files that the image has."""
    folder = tmp_path_factory.mktemp("image")
    for pattern in TAKEN:
        for path in ROOT.glob(pattern):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, target)
    return folder


@pytest.fixture(scope="module")
def address(image, tmp_path_factory):
    """Where a server listens that was started from these files, with the image's command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    (command,) = re.findall(r'^CMD (\["python".*\])$', TEXT, flags=re.MULTILINE)
    words = [sys.executable, *json.loads(command)[1:], "--port", port, "--device", "cpu"]
    words += ["--backend", "pytorch"]  # for others, the image has exported networks
    temp = str(tmp_path_factory.mktemp("tmp"))
    own = {"HOME": temp, "TMPDIR": temp, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    before = files_of(image)
    process = subprocess.Popen([*words, "--grace", "0"], cwd=image, env={**os.environ, **own})
    try:
        wait_until_ready(f"localhost:{port}", process)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert process.returncode == 0
    assert files_of(image) == before  # all that it writes goes to its temporary folder


@pytest.mark.endurance
def test_the_image_has_exported_what_a_server_without_convolutions_in_c_wants(image, tmp_path):
    """By the command that the Dockerfile itself runs."""
    pytest.importorskip("onnxscript", reason="needs requirements-serve.txt")
    command = re.search(r'^RUN (python -c ".*?") ', TEXT, flags=re.MULTILINE | re.DOTALL)
    assert command is not None
    words = [sys.executable, *shlex.split(command[1])[1:]]
    own = {"XDG_CACHE_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "CC": "no-compiler"}
    kept = []
    for _ in range(2):
        subprocess.run(words, cwd=image, env={**os.environ, **own}, check=True)
        kept.append(files_of(tmp_path / "pellucid"))
    assert kept[0] == kept[1] and any(name.endswith(".onnx") for name in kept[0])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to paste commands in, with the repository's samples."""
    (tmp_path / "serving").symlink_to(ROOT / "serving")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(text, address):
    """A block of the page, for this server."""
    assert ADDRESS in text
    return text.replace(ADDRESS, address).replace("python3", sys.executable)


def test_the_curl_examples_work_as_pasted(address, folder):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    texts = [block.text for block in blocks(PAGE, "sh")]
    examples = [text for text in texts if text.startswith("curl") and ADDRESS in text]
    assert len(examples) == 3
    printed = ""
    for text in examples:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", here(text, address)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PELLUCID_API_KEY": "none", "no_proxy": "*"},
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    assert '"pong"' in printed
    assert '"verdict":"pixelated"' in printed
    assert "pellucid-verdict: pixelated" in (folder / "headers.txt").read_text().lower()
    label = read_image(folder / SAMPLES / "label_under_glare.jpg")
    clear = read_image(folder / "clear.png")
    assert clear.shape == label.shape
    assert (read_image(folder / "inferred.png") == clear).all()
    cat, large = (read_image(folder / name) for name in (f"{SAMPLES}/cat_small.png", "large.png"))
    assert large.shape == (2 * cat.shape[0], 2 * cat.shape[1], cat.shape[2])
    dark = read_image(folder / SAMPLES / "coffee_in_the_dark.jpg")
    assert read_image(folder / "bright.jpg").mean() > 1.5 * dark.mean()
    rocket = read_image(folder / SAMPLES / "rocket_pixelated.png")
    assert read_image(folder / "corrected.png").shape == rocket.shape


def test_the_python_example_works(address, folder):
    pytest.importorskip("httpx")
    (example,) = blocks(PAGE, "python")
    exec(compile(here(example.text, address), str(PAGE), "exec"), {"__name__": "example"})
    assert read_image(folder / "clear.png").size


def test_the_image_knows_when_it_is_healthy(address):
    check = re.search(r"^HEALTHCHECK .*?CMD (\[.*?\])$", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert check is not None
    _, option, program = json.loads(check[1].replace("\\\n", ""))
    assert "4000" in program
    for port, status in ((address.partition(":")[2], 0), ("9", 1)):
        done = subprocess.run(
            [sys.executable, option, program.replace("4000", port)],
            capture_output=True,
            check=False,
        )
        assert done.returncode == status


def test_the_routes_on_the_page_are_those_of_the_server(address):
    named = {
        path
        for row in re.findall(r"^\| `(?:GET|POST) (.*?) \|", PAGE.read_text(), flags=re.MULTILINE)
        for path in re.findall(r"/[\w/{}]+", row)
    }
    with urllib.request.urlopen(f"http://{address}/openapi.json") as answer:
        paths = set(json.load(answer)["paths"])
    assert named == paths


def test_the_ingress_leads_to_every_route_but_those_for_the_cluster(address):
    ingress = ROOT / "deploy" / "kubernetes" / "base" / "ingress.yaml"
    (rule,) = yaml.safe_load(ingress.read_text())["spec"]["rules"]
    to_api = {
        path["path"]: path["pathType"]
        for path in rule["http"]["paths"]
        if path["backend"]["service"]["name"] == "pellucid-api"
    }
    with urllib.request.urlopen(f"http://{address}/openapi.json") as answer:
        paths = {*json.load(answer)["paths"], "/openapi.json", "/docs"}
    led = {
        path
        for path in paths
        for start, kind in to_api.items()
        if path == start or (kind == "Prefix" and path.startswith(f"{start}/"))
    }
    assert paths - led == {"/healthz", "/readyz", "/metrics"}
    with urllib.request.urlopen(f"http://{address}/docs") as answer:
        for loaded in re.findall(r'(?:src|href)="(/.*?)"', answer.read().decode()):
            assert any(loaded.startswith(start) for start in to_api), loaded


def test_the_dashboard_asks_for_figures_that_the_server_gives(address):
    dashboard = ROOT / "deploy" / "monitoring" / "grafana" / "dashboards" / "pellucid.json"
    text = "\n".join(
        target["expr"]
        for panel in json.loads(dashboard.read_text())["panels"]
        for target in panel["targets"]
    )
    urllib.request.urlopen(f"http://{address}/ping").close()  # something to count
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        given = set(re.findall(r"^(\w+)[{ ]", answer.read().decode(), flags=re.MULTILINE))
    asked = set(re.findall(r"(?:pellucid|process)_\w+", text))
    assert asked and asked <= given
    told = set(re.findall(r"^\| `(pellucid_\w+)", PAGE.read_text(), flags=re.MULTILINE))
    bases = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in given}
    assert {name for name in bases if name.startswith("pellucid")} - {"pellucid_requests"} == told
