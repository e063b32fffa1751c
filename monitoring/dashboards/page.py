"""A dashboard of panels under headings, with its annotations, as the JSON that Grafana provisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from monitoring.dashboards.panels import SOURCE, AnyPanel

Sections = Sequence[tuple[str, Sequence[AnyPanel]]]
"""Panels under a heading each, from left to right; where 24 columns are full the next line begins."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation wherever `expr` has a value. `title` and `text` may name its labels (`{{device}}`)."""

    name: str
    expr: str
    colour: str
    title: str
    text: str


def page(uid: str, title: str, description: str, sections: Sections, marks: Sequence[Mark]) -> str:
    """Return the dashboard as JSON."""
    built = dashboard.Dashboard(title).uid(uid).description(description).tags(["fedsecure"]).readonly()
    built.time("now-1h", "now").refresh("5s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    link = dashboard.DashboardLink("FedSecure").type(DashboardLinkType.DASHBOARDS).tags(["fedsecure"])
    built.link(link.as_dropdown(False).keep_time(True))
    built.with_variable(_devices())
    for mark in marks:
        annotation = dashboard.AnnotationQuery().name(mark.name).datasource(SOURCE).enable(True).hide(False)
        built.annotation(annotation.icon_color(mark.colour).expr(mark.expr))
    numbers = count(1)
    for heading, panels in sections:
        built.with_row(dashboard.Row(heading).id(next(numbers)))
        for panel in panels:
            built.with_panel(panel.id(next(numbers)))
    content = json.loads(JSONEncoder().encode(built.build()))
    _finish(content, marks)
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _devices() -> dashboard.QueryVariable:
    variable = dashboard.QueryVariable("device").label("Device").datasource(SOURCE)
    variable.description("Which devices the panels of single devices show.")
    variable.query("label_values(fedsecure_device_last_received_timestamp_seconds, device)")
    variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    variable.current(VariableOption(selected=True, text="All", value="$__all")).multi(True).include_all(True)
    return variable


def _finish(content: dict[str, Any], marks: Sequence[Mark]) -> None:
    """Add what Grafana's Prometheus source reads of an annotation and a variable, and the builder does not know."""
    for entry, mark in zip(content["annotations"]["list"], marks, strict=True):
        entry |= {"titleFormat": mark.title, "textFormat": mark.text, "step": "5s", "useValueForTime": False}
    for variable in content["templating"]["list"]:
        variable["allValue"] = ".*"
