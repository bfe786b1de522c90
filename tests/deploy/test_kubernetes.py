"""The manifests: valid for Kubernetes, fit for its strictest profile, and true to Rota."""

import copy
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from rota.ids import TASK_QUEUE, keeper_queue, watch_queue
from tests.deploy.manifests import (
    K8S,
    Manifest,
    image_variables,
    known_variables,
    manifests,
    pods,
    refused,
)
from tests.house.repository import ROOT
from workers.gateway.serving import GRACE_SECONDS
from workers.worker import GRACE

FOREIGN = ("ScaledObject", "TriggerAuthentication", "Connection", "WorkerDeployment")
"""Kinds of KEDA and of Temporal's Worker Controller: Kubernetes has no schema of them."""
FOREIGN_WITH_SERVER = ("ScaledObject", "Connection", "WorkerDeployment")
TRIGGER = {"endpoint", "namespace", "taskQueue", "queueTypes", "targetQueueSize"}
"""Fields of KEDA's trigger `temporal` that are used, all of them texts."""
OWN = [each for each in manifests() if each.kind not in FOREIGN]
PODS = dict(pods())
FOLDERS = [path.parent for path in sorted(K8S.rglob("kustomization.yaml"))]


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("manifest", OWN, ids=lambda each: f"{each.kind}-{each.name}")
def test_manifest_is_what_kubernetes_takes(manifest: Manifest, version: str) -> None:
    """Each fits the schema of that version, without a field that it does not know."""
    kubernetes_validate.validate(manifest.body, version, strict=True)


def test_manifest_with_an_unknown_field_is_not_taken() -> None:
    """Strict means strict: a field at the wrong depth is an error."""
    body = copy.deepcopy(next(each.body for each in OWN if each.kind == "Deployment"))
    body["spec"]["template"]["spec"]["readOnlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(body, "1.37", strict=True)


@pytest.mark.parametrize("name", PODS)
def test_pod_keeps_to_the_restricted_profile(name: str) -> None:
    """As the namespace enforces it, and a read-only root besides."""
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 10000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert {key for volume in pod["volumes"] for key in volume} <= {"name", "emptyDir", "projected"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert all("hostPort" not in port for port in container.get("ports", ()))
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", PODS)
def test_pod_names_what_rota_has(name: str) -> None:
    """Its command is taken by the command line, its variables are read by somebody."""
    (container,) = PODS[name]["containers"]
    assert refused(container["args"]) == ""
    set_here = {each["name"] for each in container.get("env", ())}
    (settings,) = manifests("ConfigMap", folder=K8S / "base")
    assert set_here | set(settings.body["data"]) <= known_variables()


@pytest.mark.parametrize("name", PODS)
def test_secrets_are_references(name: str) -> None:
    """No value of a secret stands in a manifest; the gateway has none of models and tools."""
    (container,) = PODS[name]["containers"]
    for variable in container.get("env", ()):
        assert set(variable) == {"name", "valueFrom"}
        assert variable["valueFrom"]["secretKeyRef"]["name"] == "rota-temporal"
    named = {
        source["secret"]["name"]
        for volume in PODS[name]["volumes"]
        for source in volume.get("projected", {"sources": ()})["sources"]
    }
    own = {"rota-worker": {"rota-worker-secrets"}, "rota-gateway": {"rota-gateway-secrets"}}
    assert named == {"rota-secrets"} | own.get(name.partition("/")[2], set())
    told = (K8S / "base" / "settings.yaml").read_text()
    assert all(f"#   {each} " in told for each in named)
    assert not manifests("Secret")


@pytest.mark.parametrize(
    ("name", "port", "variable"),
    [
        ("rota-worker", "health", "ROTA_HEALTH"),
        ("rota-worker", "metrics", "ROTA_METRICS"),
        ("rota-gateway", "http", "ROTA_GATEWAY_LISTEN"),
    ],
)
def test_port_is_the_one_that_the_image_listens_at(name: str, port: str, variable: str) -> None:
    """Who probes and who scrapes come to where somebody answers."""
    for manifest in manifests("Deployment", "WorkerDeployment"):
        if manifest.name == name:
            (container,) = manifest.body["spec"]["template"]["spec"]["containers"]
            ports = {each["name"]: each["containerPort"] for each in container["ports"]}
            assert image_variables()[variable] == f"0.0.0.0:{ports[port]}"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container[probe]["httpGet"]
                assert asked["path"] == ("/readyz" if probe == "readinessProbe" else "/healthz")
                assert asked["port"] in ports


def test_pods_are_given_the_time_that_stopping_takes() -> None:
    """Longer than what Rota allows steps and requests in flight, with room to end."""
    graces = {name: pod.get("terminationGracePeriodSeconds", 0) for name, pod in pods()}
    assert graces["Deployment/rota-worker"] >= GRACE.total_seconds() + 10
    (gateway,) = PODS["Deployment/rota-gateway"]["containers"]
    before = gateway["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before > 0, "requests still come while the Service hears of it"
    assert graces["Deployment/rota-gateway"] >= before + GRACE_SECONDS + 10


def test_node_can_be_drained_and_leaves_somebody() -> None:
    """One of each stays; one that is not ready holds up nobody who drains its node."""
    budgets = {each.name: each.body["spec"] for each in manifests("PodDisruptionBudget")}
    for deployment in manifests("Deployment"):
        budget = budgets[deployment.name]
        assert budget["selector"] == deployment.body["spec"]["selector"]
        assert budget["minAvailable"] < deployment.body["spec"]["replicas"]
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_whoever_applies_again_leaves_what_the_scaler_added() -> None:
    """The number of workers is KEDA's where it scales: none stands in their Deployment."""
    folder = K8S / "components" / "autoscaling"
    (patch,) = yaml.safe_load((folder / "kustomization.yaml").read_text())["patches"]
    (scaled,) = manifests("ScaledObject")
    assert patch["target"] == {"kind": "Deployment", **scaled.body["spec"]["scaleTargetRef"]}
    assert yaml.safe_load(patch["patch"]) == [{"op": "remove", "path": "/spec/replicas"}]


def test_example_says_its_server_wherever_one_is_named() -> None:
    """A scaler or a controller that asks another Temporal would do so without a word."""
    example = yaml.safe_load((K8S / "overlays/example/kustomization.yaml").read_text())
    patched = {
        (each["target"]["kind"], operation["path"])
        for each in example["patches"]
        if "target" in each
        for operation in yaml.safe_load(each["patch"])
    }
    (scaled,), (connection,), (versioned,) = map(manifests, FOREIGN_WITH_SERVER)
    expected = {(connection.kind, "/spec/hostPort")}
    expected |= {(versioned.kind, "/spec/workerOptions/temporalNamespace")}
    for index in range(len(scaled.body["spec"]["triggers"])):
        at = f"/spec/triggers/{index}/metadata"
        expected |= {(scaled.kind, f"{at}/endpoint"), (scaled.kind, f"{at}/namespace")}
    assert patched == expected


def test_versioned_pod_is_that_of_the_deployment() -> None:
    """But for the key to Temporal, which the Worker Controller sets."""
    (plain,) = [each for each in manifests("Deployment") if each.name == "rota-worker"]
    (versioned,) = manifests("WorkerDeployment")
    expected = copy.deepcopy(plain.body["spec"]["template"])
    del expected["spec"]["containers"][0]["env"]
    assert versioned.body["spec"]["template"] == expected


def test_worker_deployment_has_the_fields_of_its_controller() -> None:
    """temporal.io/v1alpha1 as of temporal-worker-controller 1.8, whose schema is not at hand."""
    (versioned,), (connection,) = manifests("WorkerDeployment"), manifests("Connection")
    for manifest in (versioned, connection):
        assert manifest.body["apiVersion"] == "temporal.io/v1alpha1"
    spec = versioned.body["spec"]
    assert set(spec) == {"replicas", "template", "workerOptions", "rollout", "sunset"}
    assert set(spec["workerOptions"]) == {"connectionRef", "temporalNamespace"}
    assert spec["workerOptions"]["connectionRef"] == {"name": connection.name}
    assert spec["rollout"]["strategy"] == "Progressive"
    steps = [step["rampPercentage"] for step in spec["rollout"]["steps"]]
    assert steps == sorted(steps)
    assert 1 <= steps[0] <= steps[-1] <= 99
    assert set(spec["sunset"]) == {"scaledownDelay", "deleteDelay"}
    assert set(connection.body["spec"]) == {"hostPort", "apiKeySecretRef"}
    assert connection.body["spec"]["apiKeySecretRef"] == {"name": "rota-temporal", "key": "api_key"}


def test_scaler_asks_for_the_queues_of_rota() -> None:
    """KEDA's `temporal` trigger (2.21), with its fields, as texts, for each queue of a worker."""
    (scaled,), (keys,) = manifests("ScaledObject"), manifests("TriggerAuthentication")
    spec = scaled.body["spec"]
    assert spec["scaleTargetRef"] == {"name": "rota-worker"}
    assert 2 <= spec["minReplicaCount"] < spec["maxReplicaCount"]
    asked: dict[str, str] = {}
    for trigger in spec["triggers"]:
        assert trigger["type"] == "temporal"
        assert trigger["authenticationRef"] == {"name": keys.name}
        fields: dict[str, Any] = trigger["metadata"]
        assert set(fields) == TRIGGER
        assert all(isinstance(value, str) for value in fields.values())
        asked[fields["taskQueue"]] = fields["queueTypes"]
    assert asked == {
        TASK_QUEUE: "workflow,activity",
        keeper_queue(TASK_QUEUE): "workflow,activity",
        watch_queue(TASK_QUEUE): "activity",
    }


def test_network_lets_nothing_pass_that_is_not_named() -> None:
    """One policy takes everything from everybody, and no other gives it back whole."""
    policies = {each.name: each.body["spec"] for each in manifests("NetworkPolicy")}
    assert policies.pop("nothing") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, spec in policies.items():
        for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
            assert rule.get("ports"), f"{name} opens every port"
            assert rule.get("from") or rule.get("to"), f"{name} opens to everybody"
    blocks = [
        to["ipBlock"]
        for rule in policies["outward"]["egress"]
        for to in rule["to"]
        if "ipBlock" in to
    ]
    assert "169.254.0.0/16" in blocks[0]["except"], "the cloud's metadata service is no model"


def test_namespace_enforces_the_restricted_profile() -> None:
    """Whatever somebody patches in later is held to it, too."""
    (namespace,) = manifests("Namespace")
    assert (
        namespace.body["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_kustomization_names_every_file_beside_it(folder: Path) -> None:
    """A file that nobody applies protects nobody."""
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    beside = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert beside == {name for name in resources if not name.startswith("..")}


def test_ingress_leads_to_routes_of_the_gateway_and_to_no_inner_one() -> None:
    """Whoever is outside reaches what is signed or asks for a token of its own."""
    served = set(
        re.findall(r"`(?:GET|POST)?[ ,A-Z]*(/[a-z]*)", (ROOT / "docs/gateway.md").read_text())
    )
    (ingress,) = manifests("Ingress")
    (rule,) = ingress.body["spec"]["rules"]
    paths = {each["path"] for each in rule["http"]["paths"]}
    assert paths <= served
    assert not paths & {"/", "/metrics", "/healthz", "/readyz", "/decode"}
