"""The page as a visitor has it: in a real Chromium without a screen, which asks loopback only."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from serving.app import create_app
from serving.page.samples import SAMPLES
from serving.page.sharpening import sharpened
from serving.service import Service
from serving.settings import Settings
from tests.serving.listening import served
from utils.images import decode_image, encode_png

playwright = pytest.importorskip("playwright.sync_api", reason="needs requirements-dev.txt")

_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_LIMIT = 90_000  # milliseconds until what should have been shown is missed
_KEY = "secret"
_PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Debian's chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def url(models, tmp_path_factory):
    """Where the page is; its key is `_KEY`."""
    from serving.page import mount

    settings = Settings(device="cpu", api_key=_KEY, max_upload_mb=1)
    service = Service(settings, models)
    app = create_app(service)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("kept")))
        mount(app, service, settings)
        with served(app) as address:
            yield address


@pytest.fixture
def visit(chromium, url):
    """Opens the page for a visitor with the key; afterwards all they asked for was loopback's."""
    contexts, asked = [], []

    def open_page(**options):
        key = {"username": "anyone", "password": _KEY}
        context = chromium.new_context(http_credentials=key, **options)
        context.set_default_timeout(_LIMIT)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(urlsplit(request.url)))
        page.on("websocket", lambda socket: asked.append(urlsplit(socket.url)))
        page.goto(url)
        page.wait_for_selector("#restore")
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()
    own = urlsplit(url).netloc
    strangers = {one.geturl() for one in asked if one.scheme not in ("data", "blob")}
    assert asked and {one for one in strangers if urlsplit(one).netloc != own} == set()


def upload(page, file):
    page.set_input_files("#picture input[type=file]", file)
    page.wait_for_selector("#facts p")


def choose(page, system):
    page.get_by_label(system, exact=True).check()


def restore(page):
    """Press the button, and give before and after as they are shown, and the download."""
    page.click("#restore")
    page.wait_for_selector("#download")
    page.wait_for_function("document.querySelectorAll('#comparison img').length >= 2")
    sources = page.eval_on_selector_all("#comparison img", "all => all.map(one => one.src)")
    shown = [decode_image(page.request.get(one).body(), one) for one in sources]
    with page.expect_download() as begun:
        page.click("#download")
    return shown, Path(begun.value.path()).read_bytes(), begun.value.suggested_filename


def api(url, route, data, **query):
    files, headers = {"image": ("a.png", data)}, {"X-API-Key": _KEY}
    answer = httpx.post(f"{url}{route}", files=files, params=query, headers=headers, timeout=90)
    assert answer.status_code == 200
    return answer


def test_upload_restore_compare_and_download(visit, url, tmp_path, rng):
    picture = rng.integers(0, 30_000, (60, 80, 4), dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(encode_png(picture))
    page = visit()
    assert page.title() == "Pellucid"
    upload(page, tmp_path / "deep.png")
    assert "80 × 60 · 16 bit · colour with transparency" in page.inner_text("#facts")
    choose(page, "Low light")
    page.get_by_text("Lifts darkness").wait_for()
    (before, after), downloaded, name = restore(page)
    assert before.shape == after.shape == (60, 80, 3)
    assert np.abs(before.astype(int) - after).max() > 10
    assert name == "deep_low-light.png"
    assert downloaded == api(url, "/v1/restore/low-light", encode_png(picture)).content
    assert decode_image(downloaded, name, keep_alpha=True).dtype == np.uint16


def test_a_sample_brings_its_system_and_auto_tells_a_verdict(visit, url):
    page = visit()
    (index,) = (number for number, one in enumerate(SAMPLES) if one.system == "auto")
    page.locator("#samples button").nth(index).click()
    page.wait_for_selector("#facts p")
    _, downloaded, _ = restore(page)
    verdict = page.inner_text("#verdict")
    assert "Pixelated, in blocks of about 3 pixels" in verdict
    assert "probability of pixelation 100 %" in verdict
    assert downloaded == api(url, "/v1/auto", SAMPLES[index].file.read_bytes()).content


def test_a_network_and_sharpening_are_chosen(visit, url):
    page = visit()
    (index,) = (number for number, one in enumerate(SAMPLES) if one.system == "super-resolution")
    page.locator("#samples button").nth(index).click()
    page.get_by_text("Enlarges four times").wait_for()
    page.click("#options button")
    page.click("#model input")
    page.get_by_role("option", name="MobileSR").click()
    page.fill("#sharpening input[type=number]", "1")
    page.press("#sharpening input[type=number]", "Tab")
    _, downloaded, name = restore(page)
    data = SAMPLES[index].file.read_bytes()
    answer = api(url, "/v1/restore/super-resolution", data, model="MobileSR").content
    assert downloaded == encode_png(sharpened(decode_image(answer, name), 1.0))
    assert downloaded != answer


def test_checking_alone_tells_the_verdict(visit):
    page = visit()
    page.locator("#samples button").first.click()
    page.wait_for_selector("#facts p")
    page.click("#check")
    page.wait_for_selector("#verdict b")
    assert page.inner_text("#verdict b") == "Clean"
    assert not page.is_visible("#download")


def test_a_bad_file_is_told_on_the_page(visit, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG no more")
    page = visit()
    upload(page, tmp_path / "broken.png")
    assert "is not a PNG, JPEG, TIFF, WebP or BMP picture" in page.inner_text("#facts [role=alert]")
    page.click("#restore")
    toast = page.get_by_test_id("toast-body")
    toast.wait_for()
    assert "image: is not a PNG, JPEG, TIFF, WebP or BMP picture" in toast.inner_text()
    assert "Traceback" not in page.content()


def test_a_file_too_large_is_told_on_the_page(visit, tmp_path):
    (tmp_path / "large.png").write_bytes(bytes(1_000_001))
    page = visit()
    page.set_input_files("#picture input[type=file]", tmp_path / "large.png")
    toast = page.get_by_test_id("toast-body")
    toast.wait_for()
    assert "size" in toast.inner_text()


def test_without_a_picture_the_page_says_so(visit):
    page = visit()
    page.click("#restore")
    toast = page.get_by_test_id("toast-body")
    toast.wait_for()
    assert "no picture yet" in toast.inner_text()


def test_without_the_key_there_is_no_page(chromium, url):
    with chromium.new_context() as context:
        answer = context.request.get(url)
        assert answer.status == 401 and "Traceback" not in answer.text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit, scheme):
    page = visit(viewport=_PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE["width"]
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(word) for word in background.strip("rgb()").split(",")[:3]]
    assert (np.mean(levels) > 200) == (scheme == "light")
