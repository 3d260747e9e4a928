"""What surrounds the routes: health, metrics, documentation, CORS, clients that leave."""

import asyncio
import re

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.regions import detectors
from engine.systems import DETECTION_METHODS, SYSTEMS
from serving.app import create_app
from serving.models import DETECTION, Models
from serving.service import Service
from serving.settings import Settings
from utils.errors import CheckpointError, ConfigError, PellucidError
from utils.images import encode_png

PNG = encode_png(np.full((20, 30, 3), 80, np.uint8))
FILES = {"image": ("a.png", PNG)}


def test_health(serve):
    client = serve()
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_not_ready_before_the_start_and_from_the_end_on(models):
    async def scenario():
        service = Service(Settings(device="cpu"), models)
        before = service.ready
        await service.start()
        within = service.ready
        await service.stop()
        return before, within, service.ready

    assert asyncio.run(scenario()) == (False, True, False)


def test_metrics_are_prometheus_own(client):
    client.post("/infer", files=FILES)
    client.post("/infer")
    client.post("/v1/restore/nothing", files=FILES)
    client.get("/no/such/page")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families["pellucid_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counted == {
        ("/infer", "200"): 1,
        ("/infer", "422"): 1,
        ("/v1/restore/{system}", "404"): 1,
        ("none", "404"): 1,
    }
    assert families["pellucid_requests_inside"].samples[0].value == 0
    assert families["process_resident_memory_bytes"].samples[0].value > 1e7


def test_the_documentation_loads_nothing_from_elsewhere(client):
    page = client.get("/docs").text
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(loaded) >= 3 and "http" not in page.replace("http.", "")
    for address in loaded:
        assert address.startswith("/") and client.get(address).status_code == 200
    routes = client.get("/openapi.json").json()["paths"]
    assert {"/ping", "/infer", "/v1/restore/{system}", "/v1/detect", "/v1/auto"} <= set(routes)
    content = routes["/infer"]["post"]["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["required"] == ["image"]


def test_no_web_page_may_call_unless_it_is_named(serve):
    origin = {"Origin": "https://example.org"}
    asked = origin | {"Access-Control-Request-Method": "POST"}
    closed, opened = serve(), serve(cors=("https://example.org",))
    assert "access-control-allow-origin" not in closed.get("/ping", headers=origin).headers
    assert closed.options("/infer", headers=asked).status_code == 405
    answer = opened.post("/infer", files=FILES, headers=origin)
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    assert opened.options("/infer", headers=asked).status_code == 200
    other = asked | {"Origin": "https://example.com"}
    assert "access-control-allow-origin" not in opened.options("/infer", headers=other).headers


def form(data):
    begin = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return begin + data + b"\r\n--b--\r\n"


class Asked:
    """A request to an application, whose body and whose client's leaving are ours to send."""

    def __init__(self, app, path, query=b""):
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": query,
            "headers": [(b"content-type", b"multipart/form-data; boundary=b")],
        }
        self._arrives = asyncio.Queue()
        self.sent = []
        self.done = asyncio.create_task(app(scope, self._arrives.get, self._send))

    def arrive(self, body, more=False):
        message = {"type": "http.request", "body": body, "more_body": more}
        self._arrives.put_nowait(message)

    def leave(self):
        self._arrives.put_nowait({"type": "http.disconnect"})

    async def _send(self, message):
        self.sent.append(message)

    @property
    def status(self):
        return self.sent[0]["status"]


def on_a_service(models, scenario, **settings):
    """Run `scenario(service, app)` on an event loop."""

    async def run():
        service = Service(Settings(device="cpu", **settings), models)
        await service.start()
        await scenario(service, create_app(service))
        await service.stop()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_who_hangs_up_leaves_the_queue(models):
    large = encode_png(np.zeros((1400, 1400, 3), np.uint8))

    async def scenario(service, app):
        query = b"model=EDSR&self_ensemble=true"  # minutes
        asked = Asked(app, "/v1/restore/super-resolution", query)
        asked.arrive(form(large))
        while not service.queue.inside:
            await asyncio.sleep(0.01)
        asked.leave()
        await asked.done
        assert asked.status == 499
        assert service.queue.inside == service.queue.waiting == 0

    on_a_service(models, scenario)


def test_who_finds_it_full_is_told_when_to_come_again(models):
    async def scenario(service, app):
        first = Asked(app, "/infer")
        first.arrive(form(PNG)[:100], more=True)
        while not service.queue.inside:
            await asyncio.sleep(0.01)
        second = Asked(app, "/infer")  # its body is not even looked at
        await second.done
        assert second.status == 503
        assert int(dict(second.sent[0]["headers"])[b"retry-after"]) >= 1
        assert b"busy with 1 request" in second.sent[1]["body"]
        first.arrive(form(PNG)[100:])
        await first.done
        assert first.status == 200

    on_a_service(models, scenario, queue=1)


def test_an_upload_that_never_ends_is_given_up(models):
    async def scenario(service, app):
        asked = Asked(app, "/infer")
        asked.arrive(form(PNG)[:100], more=True)
        await asked.done
        assert asked.status == 408 and b"did not arrive within 0.3 s" in asked.sent[1]["body"]
        assert service.queue.inside == 0

    on_a_service(models, scenario, time_limit=0.3)


def test_without_a_face_detector_the_rest_is_served(serve, monkeypatch, no_download):
    monkeypatch.setattr(detectors, "dlib_is_installed", lambda: False)
    client = serve(Models(Settings(device="cpu")))
    answer = client.post("/v1/restore/mouth", files=FILES)
    assert answer.status_code == 503
    reason = "no face detector is at hand"
    assert answer.json()["detail"].startswith(
        f"model: MouthNet is not offered by this server: {reason}"
    )
    assert client.post("/v1/restore/glare", files=FILES).status_code == 200
    offers = client.get("/v1/systems").json()["systems"]
    (mouth,) = (offer for offer in offers if not offer["available"])
    assert mouth["name"] == "mouth"
    assert mouth["reason"].startswith(reason) and "\n" not in mouth["reason"]


def test_weights_in_the_place_of_the_default_ones(serve):
    enlarging = SYSTEMS["super-resolution"].weights
    own = {"glare": enlarging["MobileSR"], DETECTION: DETECTION_METHODS["edges"]}
    client = serve(Models(Settings(device="cpu", weights=own)))
    told = client.get("/v1/systems").json()
    models = [choice["name"] for choice in told["systems"][0]["models"]]
    assert models == ["sr_mobilesr_x4", "GlareNet"]
    assert told["methods"][0]["name"] == "pixelation_detector"
    first, second = (
        client.post("/v1/restore/glare", params=query, files=FILES).content
        for query in ({}, {"model": "GlareNet"})
    )
    assert first != second


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"weights": {"glares": "x"}}, ConfigError, "did you mean glare"),
        ({"weights": {"glare": DETECTION_METHODS["edges"]}}, CheckpointError, "detector"),
        ({"device": "tpu"}, ConfigError, "tpu"),
        ({"face_detector": "yunett"}, ConfigError, "yunet"),
    ],
)
def test_what_is_asked_for_and_cannot_be_had_stops_the_start(settings, kind, said):
    with pytest.raises(kind, match=said):
        Models(Settings(**{"device": "cpu"} | settings))
    assert issubclass(kind, PellucidError)
