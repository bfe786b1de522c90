"""What is in deploy/, read; and what of Rota it may name."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.house.documented_commands import refusal_of
from tests.house.repository import PACKAGES, ROOT, files, name_of

DEPLOY = ROOT / "deploy"
K8S = DEPLOY / "k8s"
SDK_VARIABLES = {"TEMPORAL_ADDRESS", "TEMPORAL_API_KEY", "TEMPORAL_NAMESPACE", "TEMPORAL_TLS"}
"""What Temporal's environment configuration reads of its own: these are the SDK's, not ours."""


class Manifest(NamedTuple):
    """One object for Kubernetes."""

    file: Path
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.body["kind"]

    @property
    def name(self) -> str:
        return self.body["metadata"]["name"]


def manifests(*kinds: str, folder: Path = K8S) -> list[Manifest]:
    """Objects of these kinds, or all, without kustomize's own files."""
    found = [
        Manifest(path, body)
        for path in sorted(folder.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
        for body in yaml.safe_load_all(path.read_text())
    ]
    return [each for each in found if not kinds or each.kind in kinds]


def pods() -> list[tuple[str, dict[str, Any]]]:
    """Kind, name and pod of everything that starts some."""
    starters = manifests("Deployment", "Job", "WorkerDeployment")
    return [
        (f"{each.kind}/{each.name}", each.body["spec"]["template"]["spec"]) for each in starters
    ]


def compose() -> dict[str, Any]:
    """The compose file, with what its anchors say put in."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the image and their arguments, each on one line."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    split = [line.partition(" ") for line in lines]
    return [(word, re.sub(r"\s+", " ", rest)) for word, _, rest in split]


def image_variables() -> dict[str, str]:
    """What the image sets in its last stage."""
    (words,) = [rest for word, rest in dockerfile() if word == "ENV" and "ROTA_FLEET" in rest]
    return dict(re.findall(r"(\w+)=(\S+)", words))


@cache
def known_variables() -> set[str]:
    """Every ROTA_ variable that the code reads, and Temporal's that Rota leaves to its SDK."""
    found: set[str] = set(SDK_VARIABLES)
    for path in files(".py"):
        if name_of(path).split("/")[0] in PACKAGES:
            found.update(re.findall(r'"((?:ROTA|TEMPORAL)_[A-Z_]+)"', path.read_text()))
    return found


def refused(arguments: list[str]) -> str:
    """Why `rota` would not take these; empty if it would."""
    return refusal_of(" ".join(["rota", *arguments]))
