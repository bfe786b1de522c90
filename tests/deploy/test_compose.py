"""The compose file: well-formed, hardened, and true to Rota and to what lies beside it."""

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from schedules.declaration_errors import DeclarationErrors
from tests.deploy.manifests import (
    DEPLOY,
    compose,
    image_variables,
    known_variables,
    refused,
)
from tests.house.repository import ROOT
from tests.house.test_docs_temporal import refusal_of as refusal_of_temporal
from workers.checked_fleet import check_fleet
from workers.cli.output import now
from workers.worker import GRACE

COMPOSE = compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"].endswith("rota}")}
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def checked(body: dict[str, Any]) -> None:
    """Read it as a strict reader of the Compose Specification does.

    Before that anchors and variables are put in, and tags are taken off digests, as it takes none
    of these.
    """
    body = json.loads(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", json.dumps(body)))
    for service in body["services"].values():
        service["image"] = re.sub(r":[\w.-]+(?=@sha256)", "", service["image"])
    PyCompose.from_json(json.dumps(body))


def test_compose_file_is_what_compose_takes() -> None:
    """Every key is one of the specification, with a value of its type."""
    checked(COMPOSE)


def test_compose_file_with_an_unknown_key_is_not_taken() -> None:
    """The reader is strict: a misspelt key is an error."""
    body = copy.deepcopy(COMPOSE)
    body["services"]["worker"]["readonly"] = True
    with pytest.raises(ValueError, match="readonly"):
        checked(body)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_hardened(name: str) -> None:
    """A read-only root, no capabilities, no new privileges, an image that nobody can swap."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "network_mode", "cap_add", "devices"} & set(service)
    assert name in OURS or DIGEST.search(service["image"])
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "published beyond this machine"


@pytest.mark.parametrize("name", SERVICES)
def test_service_says_whether_it_is_well(name: str) -> None:
    """What stays has a healthcheck; what ends is awaited by its end."""
    awaited = {
        other: need["condition"]
        for service in SERVICES.values()
        for other, need in service.get("depends_on", {}).items()
    }
    ends = awaited.get(name) == "service_completed_successfully"
    has_check = "test" in SERVICES[name].get("healthcheck", {})
    assert has_check is not (ends or name == "rota")


def test_database_is_ready_once_others_reach_it() -> None:
    """The server that makes it at first answers at its socket, and ends before the real one."""
    assert "--host=127.0.0.1" in SERVICES["postgres"]["healthcheck"]["test"]


def test_what_is_mounted_is_there() -> None:
    """Files of this folder, declared volumes and secrets, and nothing of the machine."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            if volume["type"] == "volume":
                assert volume["source"] in COMPOSE["volumes"]
            else:
                assert volume["read_only"] is True
                source = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", volume["source"])
                assert (DEPLOY / source).is_dir(), source
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])


def test_secrets_are_files_that_git_ignores() -> None:
    """None of them stands in the file, and none can be committed by mistake."""
    assert {each["file"] for each in COMPOSE["secrets"].values()} == {
        f"./secrets/{name}" for name in COMPOSE["secrets"]
    }
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSW|PWD|TOKEN|SECRET|API_KEY", name):
                assert value.startswith("/run/secrets/"), f"{name} is said in the file"


@pytest.mark.parametrize("name", OURS)
def test_service_of_ours_names_what_rota_has(name: str) -> None:
    """Its command is taken by the command line, its variables are read by somebody."""
    service = OURS[name]
    assert service["command"] == ["--help"] or refused(service["command"]) == ""
    assert set(service["environment"]) <= known_variables()
    assert service["user"] == "10001:10001"
    assert float(service["stop_grace_period"].removesuffix("s")) > GRACE.total_seconds() + 10


def test_probe_and_port_are_where_the_image_listens() -> None:
    """The healthcheck asks, and the host forwards to, what somebody answers at."""
    listens = image_variables()
    assert listens["ROTA_HEALTH"] == listens["ROTA_GATEWAY_LISTEN"] == "0.0.0.0:8080"
    for name in ("worker", "gateway"):
        assert "http://127.0.0.1:8080/readyz" in SERVICES[name]["healthcheck"]["test"][-1]
    assert SERVICES["gateway"]["ports"] == ["127.0.0.1:8080:8080"]


def test_fleet_that_is_served_at_first_is_valid() -> None:
    """Whoever has no fleet yet can bring it up, encrypted and with a token."""
    checked_fleet = check_fleet(DEPLOY / "fleet", now())
    assert list(checked_fleet.fleet.agents) == ["hello"]
    declared = yaml.safe_load((DEPLOY / "fleet" / "fleet.yaml").read_text())
    (key,) = declared["encryption"]["keys"]
    for reference in (key, declared["gateway"]["token"]):
        assert reference.removeprefix("file:/run/secrets/") in COMPOSE["secrets"]
    assert {"rota_key", "rota_gateway_token"} == set(SERVICES["gateway"]["secrets"])


def test_scripts_beside_it_call_what_temporal_has() -> None:
    """The namespace is made by options of the command line that is installed here, too."""
    script = (DEPLOY / "temporal" / "namespace.sh").read_text()
    lines = re.findall(r"temporal operator [^>|\n]*", script)
    assert len(lines) == 3
    for line in lines:
        assert refusal_of_temporal(line.replace('"$TEMPORAL_NAMESPACE"', "rota")) == ""
    for path in (DEPLOY / "temporal").glob("*.sh"):
        assert os.access(path, os.X_OK)
        assert path.read_text().startswith("#!/bin/sh\n")


def test_fleet_with_a_mistake_would_be_told(tmp_path: Any) -> None:
    """The check of the first fleet can fail."""
    (tmp_path / "fleet.yaml").write_text("name: first\ngateway: {tokn: x}\n")
    with pytest.raises(DeclarationErrors, match="tokn"):
        check_fleet(tmp_path, now())


def test_prometheus_scrapes_what_is_served_here() -> None:
    """Services by their names, at the ports they listen at, with the token that they ask for."""
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    listens = image_variables()
    temporal = SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"]
    served = {
        "gateway": listens["ROTA_GATEWAY_LISTEN"].rpartition(":")[2],
        "worker": listens["ROTA_METRICS"].rpartition(":")[2],
        "temporal": temporal.rpartition(":")[2],
    }
    found: dict[str, str] = {}
    for job in scraped["scrape_configs"]:
        for looked_up in job.get("dns_sd_configs", ()):
            found.update(dict.fromkeys(looked_up["names"], str(looked_up["port"])))
        for static in job.get("static_configs", ()):
            found.update(target.split(":") for target in static["targets"])
        secret = job.get("authorization", {}).get("credentials_file")
        assert not secret or Path(secret).name in SERVICES["prometheus"]["secrets"]
    assert found.pop("localhost") == "9090"
    assert found == served


def test_grafana_finds_boards_and_prometheus_where_they_are() -> None:
    """What its provisioning names is what is mounted and served."""
    folder, grafana = DEPLOY / "grafana" / "provisioning", SERVICES["grafana"]
    sources = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())
    variable = re.fullmatch(r"\$\{(\w+)\}", sources["datasources"][0]["url"])
    assert variable
    assert grafana["environment"][variable[1]] == "http://prometheus:9090"
    providers = yaml.safe_load((folder / "dashboards" / "rota.yaml").read_text())["providers"]
    mounted = {volume["target"] for volume in grafana["volumes"]}
    assert providers[0]["options"]["path"] in mounted
