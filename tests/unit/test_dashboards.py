"""Both dashboards as Grafana would read them: made from the code, laid out, explained, and true to metrics and alerts."""

from __future__ import annotations

import json
import re
from itertools import combinations

import pytest
import yaml
from promql_names import FOREIGN, MONITORING, alerts, exported_names, names_in, recorded_names

from monitoring.dashboards.__main__ import DASHBOARDS, FOLDER
from monitoring.dashboards.panels import alert_limit

PROVISIONING = MONITORING / "grafana" / "provisioning"
LOADED = {name: json.loads((FOLDER / name).read_text()) for name in DASHBOARDS}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in LOADED.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
# Units of Grafana's list (packages/grafana-data/src/valueFormats/categories.ts).
UNITS = {"none", "short", "percentunit", "s", "bytes", "cps"}
BUILT_IN = {"__rate_interval"}
ALERT = re.compile(r"Alert: (\w+) \(docs/runbook\.md\)")
TOPICS = {
    "devices.json": ("State of every device", "Scores and thresholds", "Flagged share", "Time since last sample"),
    "pipeline.json": (
        "Minutes of vitals", "Latency", "Lag", "Dead letters", "Memory", "Rounds by outcome", "Cohort and exclusions",
        "Version", "Loss",
    ),
}  # fmt: skip


def overlap(one: dict, other: dict) -> bool:
    return (
        one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    )  # fmt: skip


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_committed_dashboard_is_what_the_code_makes(name: str):
    assert (FOLDER / name).read_text() == DASHBOARDS[name](), "run `python -m monitoring.dashboards`"


def test_the_folder_holds_nothing_else():
    assert {path.name for path in FOLDER.iterdir()} == set(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_shows_what_it_is_for(name: str):
    assert {panel["title"] for panel in LOADED[name]["panels"]} >= set(TOPICS[name])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_side_by_side_on_the_grid(name: str):
    places = [panel["gridPos"] for panel in LOADED[name]["panels"]]
    for place in places:
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        assert place["h"] >= 1
    assert not [pair for pair in combinations(places, 2) if overlap(*pair)]
    covered = sum(place["w"] * place["h"] for place in places)
    assert covered == 24 * max(place["y"] + place["h"] for place in places), "a line is not full"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_ids_are_unique_and_nobody_may_change_a_provisioned_dashboard(name: str):
    dashboard = LOADED[name]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert dashboard["uid"] == f"fedsecure-{name.removesuffix('.json')}"
    assert dashboard["editable"] is False


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_explains_itself_and_has_a_unit(panel: dict):
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["type"] in {"timeseries", "stat", "state-timeline"}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_for_metrics_that_there_are_from_the_provisioned_source(panel: dict):
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs)) > 0
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"] == wanted
        assert names_in(target["expr"])
        assert names_in(target["expr"]) <= exported_names() | recorded_names() | FOREIGN
        assert target["legendFormat"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_draws_the_line_at_which_its_alert_fires(panel: dict):
    steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert steps[0] is None
    for alert in ALERT.findall(panel["description"]):
        numbers = re.findall(r"(?:>=|>)\s*([0-9.]+)", alerts()[alert]["expr"])
        assert steps[1:] == [float(numbers[0])] == [alert_limit(alert)]


def test_alerts_with_a_number_are_drawn():
    drawn = {alert for panel in PANELS for alert in ALERT.findall(panel.values[0]["description"])}
    assert drawn >= {"DevicesNotBenign", "WorkerLagging", "DeadLetters", "RoundsSkipped", "NoCommittedRound"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_is_defined(name: str):
    defined = {variable["name"] for variable in LOADED[name]["templating"]["list"]} | BUILT_IN
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(LOADED[name]["panels"]))) <= defined


@pytest.mark.parametrize("name", DASHBOARDS)
def test_quarantines_and_new_models_are_marked(name: str):
    marks = {mark["name"]: mark for mark in LOADED[name]["annotations"]["list"]}
    assert {"Quarantined", "New model"} <= set(marks)
    assert all(names_in(mark["expr"]) <= exported_names() | FOREIGN for mark in marks.values())
    assert re.search(r'alertname="(\w+)"', marks["Quarantined"]["expr"]).group(1) in alerts()
    assert marks["Quarantined"]["titleFormat"] == "{{device}} quarantined"


def test_grafana_finds_the_dashboards_and_lets_nobody_change_them():
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "fedsecure.yml").read_text())["providers"]
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] == "/etc/grafana/fedsecure-dashboards"
