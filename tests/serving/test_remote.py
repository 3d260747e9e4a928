"""Another server's API as a backend: a real one on loopback, against the service itself."""

import asyncio
import socket

import httpx
import numpy as np
import pytest

from engine.restore_options import RestoreOptions
from serving.app import create_app
from serving.errors import Rejected, Unavailable
from serving.page.samples import SAMPLES
from serving.remote import RemoteService
from serving.service import Service
from serving.settings import Settings
from tests.serving.listening import served
from utils.errors import ConfigError
from utils.images import read_image

KEY = "secret"


@pytest.fixture(scope="module")
def service(models):
    return Service(Settings(device="cpu", api_key=KEY, max_megapixels=1), models)


@pytest.fixture(scope="module")
def url(service):
    with served(create_app(service)) as address:
        yield address


@pytest.fixture
def remote(url):
    return RemoteService(url, Settings(api_key=KEY))


def run(remote, *works):
    """What becomes of each piece of work, on one event loop; errors as they are."""

    async def all_of_them():
        try:
            return [await asyncio.gather(work, return_exceptions=True) for work in works]
        finally:
            await remote.stop()

    return [outcome for (outcome,) in asyncio.run(all_of_them())]


@pytest.mark.parametrize(
    ("channels", "depth"), [(1, np.uint8), (1, np.uint16), (3, np.uint16), (4, np.uint8)]
)
def test_it_restores_what_the_service_restores(remote, models, rng, channels, depth):
    image = rng.integers(0, np.iinfo(depth).max, (20, 30, channels), dtype=depth)
    options = RestoreOptions(self_ensemble=True, outscale=2)
    (restored,) = run(
        remote, remote.restore("super-resolution", image, model="MobileSR", options=options)
    )
    held = models.held("super-resolution", "MobileSR").system
    expected = held.restore(image, "picture", options)
    assert restored.dtype == depth and np.array_equal(restored, expected)


def test_it_detects_and_corrects_as_the_service(remote, models):
    pixelated, clean = (
        read_image(next(one.file for one in SAMPLES if one.system == system))
        for system in ("auto", "super-resolution")
    )
    found, (corrected, verdict), (same, other) = run(
        remote, remote.detect(pixelated), remote.auto(pixelated), remote.auto(clean)
    )
    assert (found.verdict, found.block) == ("pixelated", 3.0) == (verdict.verdict, verdict.block)
    assert found.probability == pytest.approx(verdict.probability, abs=1e-4)
    assert np.array_equal(corrected, models.held("pixelation").system.restore(pixelated))
    assert same is clean and other.verdict == "clean" and other.block is None


def test_it_offers_what_the_service_offers(remote, service):
    assert remote.systems() == service.systems()
    run(remote)


def test_what_the_api_refuses_is_told_in_its_words(remote):
    large = np.zeros((1500, 1000, 1), np.uint8)
    small = np.zeros((4, 4, 1), np.uint8)
    too_large, unknown, option = run(
        remote,
        remote.restore("glare", large),
        remote.restore("glory", small),
        remote.restore("glare", small, options=RestoreOptions(tile_overlap=3)),
    )
    assert isinstance(too_large, Rejected) and "1000x1500 pixels" in str(too_large)
    assert isinstance(unknown, Rejected) and "did you mean" in str(unknown)
    assert isinstance(option, ConfigError) and "tile_overlap" in str(option)


def test_a_server_that_is_gone_is_unavailable(service):
    with served(create_app(service)) as address:
        remote = RemoteService(address, Settings(api_key=KEY))
    (outcome,) = run(remote, remote.detect(np.zeros((4, 4, 1), np.uint8)))
    assert isinstance(outcome, Unavailable) and "does not answer" in str(outcome)


@pytest.mark.parametrize(
    ("path", "key", "said"), [("", "other", "X-API-Key: the API key"), ("/v1", KEY, "Not Found")]
)
def test_another_key_and_another_service_are_named_at_the_start(url, path, key, said):
    with pytest.raises(ConfigError, match=f"--api {url}{path}: answers: {said}"):
        RemoteService(url + path, Settings(api_key=key))


def test_no_server_is_named_at_the_start():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConfigError, match="does not answer"):
        RemoteService(f"http://127.0.0.1:{port}", Settings(), patience=0)
    with pytest.raises(ConfigError, match="is no address like"):
        RemoteService("127.0.0.1:4000", Settings(), patience=0)


def test_the_page_stands_alone_in_front_of_it(remote, tmp_path, monkeypatch):
    pytest.importorskip("gradio", reason="the page needs requirements-serve.txt")
    from serving.page import create_page_app

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with served(create_page_app(remote)) as address:
        key = ("anyone", KEY)
        assert "Pellucid" in httpx.get(address, auth=key).text
        assert httpx.get(address).status_code == 401
        assert httpx.get(f"{address}/readyz").json() == {"status": "ready"}
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert httpx.get(f"{address}/docs", auth=key).status_code == 404
        remote.drain()
        assert httpx.get(f"{address}/readyz").status_code == 503
