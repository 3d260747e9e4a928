"""The manifests: valid, consistent with each other, and asking for what the tools take."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.deploy.commands import server_words
from tests.markdown import blocks
from tools.serve import build_parser

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "serving.md"
KUBERNETES = ROOT / "deploy" / "kubernetes"
KUSTOMIZATIONS = sorted(file.parent for file in KUBERNETES.rglob("kustomization.yaml"))
KINDS_OF_PODS = ("Deployment", "Job")


@cache
def rendered(folder):
    """What `kubectl apply -k` would send to a cluster."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=True
    )
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(params=KUSTOMIZATIONS, ids=lambda folder: str(folder.relative_to(KUBERNETES)))
def objects(request):
    return rendered(request.param)


def of_kind(objects, *kinds):
    return [thing for thing in objects if thing["kind"] in kinds]


def pods(objects):
    return [thing["spec"]["template"] for thing in of_kind(objects, *KINDS_OF_PODS)]


def matches(selector, pod, owner="pellucid-training"):
    """Whether a pod has these labels; the Job controller adds its own."""
    labels = {"batch.kubernetes.io/job-name": owner, **pod["metadata"]["labels"]}
    return selector.items() <= labels.items()


def test_every_file_belongs_to_a_kustomization():
    named = set()
    for folder in KUSTOMIZATIONS:
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        patches = [patch["path"] for patch in kustomization.get("patches", []) if "path" in patch]
        files = ["kustomization.yaml", *kustomization["resources"], *patches]
        named |= {(folder / file).resolve() for file in files}
    assert set(KUBERNETES.rglob("*.yaml")) <= named


def test_every_object_is_valid(objects):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    version = kubernetes_validate.latest_version()
    for thing in objects:
        kubernetes_validate.validate(thing, version, strict=True)


def test_services_autoscalers_and_budgets_find_their_pods(objects):
    for thing in of_kind(objects, "Service", "PodDisruptionBudget"):
        selector = thing["spec"]["selector"]
        selector = selector.get("matchLabels", selector)
        assert sum(matches(selector, pod) for pod in pods(objects)) == 1, thing["metadata"]["name"]
    deployments = {thing["metadata"]["name"]: thing for thing in of_kind(objects, "Deployment")}
    for autoscaler in of_kind(objects, "HorizontalPodAutoscaler"):
        spec = autoscaler["spec"]
        deployment = deployments[spec["scaleTargetRef"]["name"]]
        assert deployment["spec"]["replicas"] == spec["minReplicas"]


def test_every_port_asked_for_is_one_that_a_pod_opens(objects):
    services = {thing["metadata"]["name"]: thing for thing in of_kind(objects, "Service")}
    for service in services.values():
        if service["spec"].get("clusterIP") == "None":
            continue
        (pod,) = [pod for pod in pods(objects) if matches(service["spec"]["selector"], pod)]
        opened = {port["name"] for box in pod["spec"]["containers"] for port in box["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= opened
    for ingress in of_kind(objects, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = services[backend["name"]]["spec"]["ports"]
                assert backend["port"]["name"] in [port["name"] for port in ports]


def test_no_pod_may_do_more_than_it_needs(objects):
    for pod in pods(objects):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert not spec["automountServiceAccountToken"]
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"]
            assert not security["allowPrivilegeEscalation"]
            assert security["capabilities"]["drop"] == ["ALL"]
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_every_server_is_started_as_the_tool_takes_it_and_has_time_to_end(objects):
    services = {thing["metadata"]["name"] for thing in of_kind(objects, "Service")}
    for pod in pods(of_kind(objects, "Deployment")):
        (container,) = pod["spec"]["containers"]
        given = build_parser().parse_args(server_words(container["command"]))
        assert given.host == "0.0.0.0"
        assert [port["containerPort"] for port in container["ports"]] == [given.port]
        assert pod["spec"]["terminationGracePeriodSeconds"] > given.grace + given.time_limit
        assert given.api is None or given.api.removeprefix("http://") in services
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["path"] in ("/healthz", "/readyz")


def test_the_gpu_overlay_asks_for_a_gpu_and_for_the_image_that_can_use_it():
    objects = rendered(KUBERNETES / "overlays" / "gpu")
    boxes = {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for pod in pods(objects)}
    api, page = (boxes[name]["spec"]["containers"][0] for name in ("api", "page"))
    assert api["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert (api["image"], page["image"]) == ("pellucid:cuda", "pellucid:cpu")


def test_the_load_balancer_overlay_needs_no_ingress():
    objects = rendered(KUBERNETES / "overlays" / "loadbalancer")
    assert {service["spec"]["type"] for service in of_kind(objects, "Service")} == {"LoadBalancer"}
    assert not of_kind(objects, "Ingress")


@pytest.fixture
def overlays(tmp_path):
    """What a reader of docs/serving.md writes beside deploy/, rendered, by its folder."""
    shutil.copytree(KUBERNETES, tmp_path / "deploy" / "kubernetes")
    files = [block for block in blocks(PAGE, "yaml") if block.file]
    for block in files:
        (tmp_path / block.file).parent.mkdir(parents=True)
        (tmp_path / block.file).write_text(block.text)
    folders = [Path(block.file).parent for block in files]
    return {str(folder): rendered(tmp_path / folder) for folder in folders}


def test_the_overlays_on_the_page_do_what_it_says(overlays):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    assert set(overlays) == {"site", "site-tls", "gke"}
    for objects in overlays.values():
        for thing in objects:
            kubernetes_validate.validate(thing, kubernetes_validate.latest_version(), strict=True)
        images = {pod["spec"]["containers"][0]["image"] for pod in pods(objects)}
        assert all(re.fullmatch(r".+\..+/pellucid:cpu", image) for image in images)
    (plain,), (tls,) = (of_kind(overlays[name], "Ingress") for name in ("site", "site-tls"))
    assert plain["spec"]["rules"][0]["host"] == "clear.example.org"
    assert tls["spec"]["tls"] == [{"hosts": ["clear.example.org"], "secretName": "pellucid-tls"}]
    assert tls["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
