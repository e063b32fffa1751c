"""Alert rules read what is exported, say what a person needs, and each is tried in promtool's tests both ways."""

from __future__ import annotations

import re

import pytest
import yaml
from promql_names import FOREIGN, MONITORING, RULE_FILES, alerts, exported_names, names_in, recorded_names, rules

from contracts.messages.verdicts import DeviceState
from contracts.metrics import OF_PROGRAM
from monitoring.dashboards.devices import STATES

PROMETHEUS = yaml.safe_load((MONITORING / "prometheus" / "prometheus.yml").read_text())
ALERTMANAGER = yaml.safe_load((MONITORING / "alertmanager" / "alertmanager.yml").read_text())
TESTS = sorted((MONITORING / "prometheus" / "tests").glob("*.yml"))
WANTED = {
    "DeviceQuarantined", "DevicesNotBenign", "DeviceSilent", "WorkerLagging", "DeadLetters", "RoundsSkipped",
    "NoCommittedRound", "RedisDown", "RedisRefuses", "KafkaDown", "ScoreDrift", "GroundTruthMissing",
    "CertificateExpires", "CertificateExpired", "CertificateUnreadable", "ConsoleTokensRefused",
}  # fmt: skip


def tried() -> dict[str, set[bool]]:
    """Whether promtool's tests see each alert fire (True) and not fire (False)."""
    seen: dict[str, set[bool]] = {}
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                seen.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    return seen


def test_names_are_read_from_expressions():
    expression = (
        'sum by (le, job) (rate(a_bucket{job=~"b|c"}[5m])) / (x:y:z > 0) and on (device) d unless (e or vector(0))'
    )
    assert names_in(expression) == {"a_bucket", "x:y:z", "d", "e"}


def test_every_rule_reads_metrics_that_there_are():
    known = exported_names() | recorded_names() | FOREIGN
    for rule in rules():
        assert names_in(rule["expr"]) <= known, rule


def test_every_alert_that_is_wanted_is_there():
    assert set(alerts()) >= WANTED


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_how_bad_and_where_to_look(name: str):
    rule = alerts()[name]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    if rule["labels"]["scope"] == "device":
        assert "{{ $labels.device }}" in rule["annotations"]["summary"]
        assert "{{ $labels.device }}" in rule["annotations"]["description"]


@pytest.mark.parametrize("name", alerts())
def test_promtool_sees_each_alert_fire_and_not_fire(name: str):
    assert tried().get(name) == {True, False}


def test_promtool_tries_all_rule_files():
    named = {file for path in TESTS for file in yaml.safe_load(path.read_text())["rule_files"]}
    assert named == {f"../rules/{path.name}" for path in RULE_FILES}


def test_states_have_one_code_in_rule_and_dashboard():
    (rule,) = [rule for rule in rules() if rule.get("record") == "fedsecure:device_state:code"]
    codes = {
        word: int(code) for code, word in re.findall(r'(\d) \* fedsecure_device_state\{state="(\w+)"\}', rule["expr"])
    }
    assert codes == {word: code for code, word, _ in STATES}
    assert set(codes) == {str(state) for state in DeviceState}


def test_prometheus_finds_every_program_of_ours_by_its_service_on_port_9100():
    jobs = {job["job_name"]: job for job in PROMETHEUS["scrape_configs"]}
    for program in OF_PROGRAM:
        (found,) = jobs[program]["dns_sd_configs"]
        assert (found["names"], found["type"], found["port"]) == ([program], "A", 9100)


def test_alertmanager_silences_only_what_there_is():
    scopes = {rule["labels"]["scope"] for rule in alerts().values()}
    for rule in ALERTMANAGER["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            label, values = re.fullmatch(r'(\w+)=~?"([^"]+)"', matcher).groups()
            assert set(values.split("|")) <= (scopes if label == "scope" else set(alerts())), matcher
    assert any("device" in rule["target_matchers"][0] and "KafkaDown" in rule["source_matchers"][0]
               for rule in ALERTMANAGER["inhibit_rules"])  # fmt: skip


def test_nobody_is_mailed_by_default_and_no_secret_is_in_the_file():
    routes = [ALERTMANAGER["route"], *ALERTMANAGER["route"]["routes"]]
    assert {route.get("receiver", "page") for route in routes} == {"page"}
    assert next(each for each in ALERTMANAGER["receivers"] if each["name"] == "page") == {"name": "page"}
    text = (MONITORING / "alertmanager" / "alertmanager.yml").read_text()
    assert not re.search(r"(password|token|credentials|secret|api_key)\s*:", text)
