"""The bill of materials of a release, as CycloneDX 1.6: what an installation brings, and for whom.

The same bytes for the same commit on the same kind of platform: no clock, no chance, no address.
Written as it stands; a test has CycloneDX's own library check it against the schema.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tests.house.repository import ROOT
from tests.release.packages import PROJECT, Package, declared


def sbom(packages: Sequence[Package], commit: str, seconds: int) -> str:
    """Return the document.

    Args:
        packages: What an installation brings, whole: whoever is required is among them.
        commit: What is released.
        seconds: When that was committed, since 1970.
    """
    project = PROJECT["project"]
    product = f"{project['name']}@{project['version']}"
    lock = hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()
    refs = {package.name: f"{package.name}@{package.version}" for package in packages}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_OID, f'rota {commit} {lock}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": product,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": _licences(project["license"]),
            },
            "properties": [
                {"name": "rota:commit", "value": commit},
                # Its hashes are those of every file that may be installed.
                {"name": "rota:requirements.lock:sha256", "value": lock},
            ],
        },
        "components": [
            {
                "type": "library",
                "bom-ref": refs[package.name],
                "name": package.name,
                "version": package.version,
                "purl": f"pkg:pypi/{package.name}@{package.version}",
                "licenses": _licences(package.licence),
            }
            for package in packages
        ],
        "dependencies": [
            {"ref": product, "dependsOn": [refs[name] for name in declared()]},
            *(
                {"ref": refs[package.name], "dependsOn": [refs[name] for name in package.requires]}
                for package in packages
            ),
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _licences(expression: str) -> list[dict[str, Any]]:
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]
