"""What FedSecure is made of is written down for others to check, and is looked up among known vulnerabilities."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from vulnerability_audit import CANARY, Outcome, read_audit

ROOT = Path(__file__).parents[2]
# What is known and does no harm here: the advisory, and why.
ACCEPTED: dict[str, str] = {}


def pinned(requirements: Path) -> dict[str, str]:
    """Name and version of each package of a file of requirements."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", requirements.read_text(), re.MULTILINE))


def audited(requirements: Path, expected: set[str]):
    """What pip-audit says of the packages of a file. Asks the package index of this machine."""
    ignored = [option for advisory in ACCEPTED for option in ("--ignore-vuln", advisory)]
    command = [sys.executable, "-m", "pip_audit", "--requirement", requirements, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]  # fmt: skip
    done = subprocess.run([*command, *ignored], capture_output=True, text=True, timeout=900, check=False)
    return read_audit(done.stdout, expected)


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bill of materials as `make sbom` writes it."""
    file = tmp_path_factory.mktemp("sbom") / "fedsecure.cdx.json"
    subprocess.run(["make", "--silent", "sbom", f"SBOM={file}"], cwd=ROOT, check=True, capture_output=True)
    return file.read_text()


def test_the_bill_of_materials_is_cyclonedx(bill: str) -> None:
    whole = json.loads(bill)
    for one in whole["components"]:  # a tenth of a second for each address: one of each package's, all alike, is enough
        one["externalReferences"] = one.get("externalReferences", [])[:1]
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str(json.dumps(whole)) is None
    del whole["components"][0]["name"]
    assert validator.validate_str(json.dumps(whole)) is not None, "the check can fail"


def test_the_bill_names_every_package_of_the_images_with_its_version_and_hashes(bill: str) -> None:
    listed = {one["name"]: one for one in json.loads(bill)["components"]}
    for name, version in pinned(ROOT / "requirements.txt").items():
        assert listed[name]["version"] == version
        hashes = [found for file in listed[name]["externalReferences"] for found in file.get("hashes", ())]
        assert any(found["alg"] == "SHA-256" for found in hashes), name


def test_no_package_of_the_images_is_known_to_be_vulnerable(tmp_path: Path) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(f"{CANARY}\n")
    if audited(canary, {CANARY.partition("==")[0]}).outcome != Outcome.VULNERABLE:
        pytest.skip(
            f"NOT AUDITED: no known vulnerability of {CANARY} was named, so no service of them can be asked here"
        )
    wanted = ROOT / "requirements.txt"
    audit = audited(wanted, set(pinned(wanted)))
    assert audit.outcome == Outcome.CLEAN, f"{audit.outcome}: {audit.said}"
