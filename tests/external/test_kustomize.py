"""What kubectl makes of the manifests: it renders them, and Kubernetes takes the result."""

import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.deploy.manifests import K8S
from tests.deploy.test_kubernetes import FOREIGN

EXAMPLE = K8S / "overlays" / "example"


def rendered(kubectl: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Objects by kind and name."""
    found = subprocess.run(
        [kubectl, "kustomize", folder], capture_output=True, check=False, text=True
    )
    assert found.returncode == 0, found.stderr
    bodies = list(yaml.safe_load_all(found.stdout))
    for body in bodies:
        if body["kind"] not in FOREIGN:
            kubernetes_validate.validate(body, "1.37", strict=True)
    return {f"{body['kind']}/{body['metadata']['name']}": body for body in bodies}


def image_of(body: dict[str, Any]) -> str:
    """The image that a workload's pods run."""
    return body["spec"]["template"]["spec"]["containers"][0]["image"]


def test_example_renders_with_its_own_image_and_server(kubectl: str) -> None:
    """What the overlay says arrives everywhere, the scaler's triggers included."""
    found = rendered(kubectl, EXAMPLE)
    for name in ("Deployment/rota-worker", "Deployment/rota-gateway", "Job/rota-prepare"):
        assert image_of(found[name]).startswith("registry.example.com/rota-finance@sha256:")
    settings = found["ConfigMap/rota-settings"]["data"]
    assert "replicas" not in found["Deployment/rota-worker"]["spec"]
    triggers = found["ScaledObject/rota-worker"]["spec"]["triggers"]
    assert {each["metadata"]["endpoint"] for each in triggers} == {settings["TEMPORAL_ADDRESS"]}
    assert {each["metadata"]["namespace"] for each in triggers} == {settings["TEMPORAL_NAMESPACE"]}


def test_versions_take_the_place_of_the_deployment(kubectl: str, tmp_path: Path) -> None:
    """With Temporal's Worker Controller there are no two kinds of workers side by side."""
    overlay = tmp_path / "kustomization.yaml"
    # kubectl takes relative paths alone.
    up = "/".join([".."] * len(tmp_path.resolve().parts[1:]))
    overlay.write_text(
        f"resources: ['{up}{K8S}/base']\n"
        f"components: ['{up}{K8S}/components/versions']\n"
        "images: [{name: rota, newName: rota-finance, newTag: '7'}]\n"
    )
    found = rendered(kubectl, tmp_path)
    assert "Deployment/rota-worker" not in found
    assert image_of(found["WorkerDeployment/rota-worker"]) == "rota-finance:7"
    assert "Deployment/rota-gateway" in found
