"""Prometheus' and Alertmanager's own tools accept the committed files, and every alert fires when it should and only then."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from promql_names import MONITORING, RULE_FILES

PROMETHEUS, ALERTMANAGER = MONITORING / "prometheus", MONITORING / "alertmanager"
FIRING = {
    "status": "firing",
    "labels": {"alertname": "DeviceQuarantined", "device": "p1", "severity": "warning"},
    "annotations": {"summary": "Device p1 is quarantined", "description": "Its <data>.", "runbook_url": "docs/runbook.md#x"},
    "startsAt": "2026-11-27T10:00:00Z",
}  # fmt: skip
OVER = FIRING | {"status": "resolved", "endsAt": "2026-11-27T10:30:00Z"}


def run(*command: str | Path) -> str:
    """Run a tool; its whole answer is the failure's text."""
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def render(tools, tmp_path):
    def rendered(part: str, status: str, *alerts: dict) -> str:
        data = tmp_path / "alerts.json"
        group = {"status": status, "groupLabels": {"alertname": "DeviceQuarantined"}, "alerts": alerts}
        data.write_text(json.dumps(group))
        return run(
            tools["amtool"], "template", "render", f"--template.glob={ALERTMANAGER}/templates/*.tmpl",
            f'--template.text={{{{ template "fedsecure.{part}" . }}}}', f"--template.data={data}",
            f"--template.type={'html' if part == 'html' else 'text'}",
        ).strip()  # fmt: skip

    return rendered


def test_prometheus_accepts_configuration_and_rules(tools):
    run(tools["promtool"], "check", "config", PROMETHEUS / "prometheus.yml")
    run(tools["promtool"], "check", "rules", *RULE_FILES)


def test_every_alert_fires_and_ends_as_its_tests_say(tools):
    tests = sorted((PROMETHEUS / "tests").glob("*.yml"))
    assert run(tools["promtool"], "test", "rules", *tests).count("SUCCESS") == len(tests)


def test_alertmanager_accepts_its_configuration(tools):
    assert "1 templates" in run(tools["amtool"], "check-config", ALERTMANAGER / "alertmanager.yml")


def test_a_mail_says_in_its_subject_what_is_wrong(render):
    assert render("subject", "firing", FIRING) == "[FedSecure] Device p1 is quarantined"
    assert render("subject", "firing", FIRING, FIRING) == "[FedSecure] DeviceQuarantined: 2 alerts"
    assert render("subject", "resolved", OVER) == "[FedSecure] Over: DeviceQuarantined"


@pytest.mark.parametrize("part", ["text", "html"])
def test_a_mail_says_what_since_when_and_what_to_do(render, part: str):
    mail = render(part, "firing", FIRING, OVER)
    for words in ("Device p1 is quarantined", "2026-11-27 10:00:00", "docs/runbook.md#x", "Over", "10:30:00"):
        assert words in mail
    assert ("Its <data>." in mail) == (part == "text")
