"""An installation made of `deploy/kubernetes` as docs/kubernetes.md says, and what kustomize builds of it."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/kubernetes"
BUILDERS = (("kubectl", "kustomize"), ("kustomize", "build"))
TOKEN = "not-a-secret-of-anybody"
Object = dict[str, Any]


def copy_of_the_files(to: Path) -> Path:
    """Copy the folder, with the example as `site` and with what only the site has; return the site's folder."""
    shutil.copytree(DEPLOY, to, ignore=shutil.ignore_patterns("site"))
    site = (to / "example").rename(to / "site")
    (site / "ca.pem").write_text("a certificate\n")
    (site / "secrets/FEDSECURE_CONSOLE_TOKEN").write_text(f"{TOKEN}\n")
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (site / "secrets" / name).write_text(f"{name}\n")
    return site


def take_components(site: Path, *names: str) -> None:
    """Let the site have these components and no others."""
    file = site / "kustomization.yaml"
    wanted = yaml.safe_load(file.read_text())
    wanted["components"] = [f"../components/{name}" for name in names]
    file.write_text(yaml.safe_dump(wanted))


def build(folder: Path) -> list[Object]:
    """Return the objects that kustomize makes of a folder; a fault of it is an AssertionError with its words."""
    done = subprocess.run([*_builder(), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # it warns of what it will not take any more
    return list(yaml.safe_load_all(done.stdout))


def _builder() -> list[str]:
    for name, verb in BUILDERS:
        if path := shutil.which(name):
            return [path, verb]
    if os.environ.get("FEDSECURE_REQUIRE_KUSTOMIZE") == "1":
        pytest.fail("neither kubectl nor kustomize is here")
    pytest.skip("neither kubectl nor kustomize is here")


def lay_out_secret(secret: Object, folder: Path) -> None:
    """Write a Secret as the kubelet does: each file a link into a hidden folder, which is reached by a link itself."""
    hidden = folder / "..2026_11_29"
    hidden.mkdir(parents=True)
    (folder / "..data").symlink_to(hidden.name)
    for name, value in secret["data"].items():
        (hidden / name).write_bytes(base64.b64decode(value))
        (folder / name).symlink_to(f"..data/{name}")


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def named(objects: list[Object], kind: str, name: str) -> Object:
    (one,) = (one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)
    return one


def pod_of(workload: Object) -> Object:
    return workload["spec"]["template"]["spec"]


def labels_of(workload: Object) -> dict[str, str]:
    return workload["spec"]["template"]["metadata"]["labels"]


def container_of(workload: Object) -> Object:
    (container,) = pod_of(workload)["containers"]
    return container


def ports_of(workload: Object) -> dict[str, int]:
    return {one["name"]: one["containerPort"] for one in container_of(workload)["ports"]}


def secret_of(objects: list[Object], workload: Object) -> Object:
    (volume,) = (one for one in pod_of(workload)["volumes"] if one["name"] == "secrets")
    return named(objects, "Secret", volume["secret"]["secretName"])


def settings_map(objects: list[Object], workload: Object) -> dict[str, str]:
    (source,) = container_of(workload)["envFrom"]
    return named(objects, "ConfigMap", source["configMapRef"]["name"])["data"]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Say whether a label selector takes a pod; of the expressions it knows `In` alone."""
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return exact and all(labels.get(one["key"]) in one["values"] for one in expressions)


def policies_on(objects: list[Object], workload: Object) -> list[Object]:
    found = of_kind(objects, "NetworkPolicy")
    return [one["spec"] for one in found if selects(one["spec"]["podSelector"], labels_of(workload))]
