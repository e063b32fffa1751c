"""The few kinds of panel that the dashboards are made of, each with a unit, a description and a fixed data source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

SOURCE: Final = DataSourceRef("prometheus", "fedsecure-prometheus")
CALM, WARNING, ALARM, PLAIN = "#0072B2", "#E69F00", "#D55E00", "#999999"
"""Okabe and Ito's colours, which people who see red and green alike can tell apart."""

AnyPanel = timeseries.Panel | stat.Panel | statetimeline.Panel
Kind = TypeVar("Kind", timeseries.Panel, stat.Panel, statetimeline.Panel)


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the legend of its series (`{{label}}` is replaced). `dashed` is drawn as a limit."""

    expr: str
    legend: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What every panel says of itself. Sizes are in units of Grafana's grid, which is 24 wide.

    `unit` is one of Grafana's ids. `alert` draws the line at which that alert fires, `limit` one where no alert has one.
    """

    title: str
    description: str
    unit: str
    alert: str | None = None
    limit: float | None = None
    width: int = 12
    height: int = 8


def lines(about: About, *queries: Query, stacked: bool = False, smallest: float | None = 0.0) -> timeseries.Panel:
    """Return lines over time. `smallest` is where the axis begins (None: where the data does)."""
    panel = _described(timeseries.Panel(), about, queries).line_width(2).show_points(kinds.VisibilityMode.NEVER)
    panel.legend(_legend())
    panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
    if smallest is not None:
        panel.min(smallest)
    if stacked:
        panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL)).fill_opacity(40)
    if _limit(about) is not None:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(kinds.GraphTresholdsStyleMode.DASHED))
    for query in queries:
        if query.dashed:
            ref = "ABCDEFGH"[queries.index(query)]
            dashes = DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]})
            panel.override_by_query(ref, [dashes, DynamicConfigValue("custom.lineWidth", 1)])
    return panel


def number(about: About, *queries: Query, colours: dict[str, str] | None = None) -> stat.Panel:
    """Return large numbers. `colours` (legend -> colour) for several, else the colour says whether an alert's limit is reached."""
    panel = _described(stat.Panel(), about, queries).graph_mode(kinds.BigValueGraphMode.AREA)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    panel.color_mode(kinds.BigValueColorMode.VALUE if about.alert or colours else kinds.BigValueColorMode.NONE)
    if len(queries) > 1 or "{{" in queries[0].legend:
        panel.text_mode(kinds.BigValueTextMode.VALUE_AND_NAME).graph_mode(kinds.BigValueGraphMode.NONE)
    for legend, colour in (colours or {}).items():
        panel.override_by_name(legend, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def states(about: About, query: Query, codes: Sequence[tuple[int, str, str]]) -> statetimeline.Panel:
    """Return one bar a series over time, coloured by its value. `codes` are (value, word, colour)."""
    words = {str(code): ValueMappingResult(word, colour, None, code) for code, word, colour in codes}
    panel = _described(statetimeline.Panel(), about, (query,)).mappings([ValueMap(words)])
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.merge_values(True).show_value(kinds.VisibilityMode.AUTO).row_height(0.85).fill_opacity(80).line_width(0)
    panel.legend(_legend())
    return panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.SINGLE).sort(kinds.SortOrder.NONE))


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(kinds.LegendDisplayMode.LIST)
    return legend.placement(kinds.LegendPlacement.BOTTOM).show_legend(True)


def _described(panel: Kind, about: About, queries: Sequence[Query]) -> Kind:
    description = f"{about.description} Alert: {about.alert} (docs/runbook.md)." if about.alert else about.description
    panel.title(about.title).description(description).datasource(SOURCE).unit(about.unit)
    panel.span(about.width).height(about.height)
    steps = [Threshold(None, CALM)]
    if (limit := _limit(about)) is not None:
        steps.append(Threshold(limit, ALARM))
    panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    for ref, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(
            prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref).range().datasource(SOURCE)
        )
    return panel


def _limit(about: About) -> float | None:
    return alert_limit(about.alert) if about.alert else about.limit


RULES_DIR: Final = Path(__file__).parents[1] / "prometheus" / "rules"
_COMPARISON: Final = re.compile(r"(?:>=|>|<=|<|==)\s*([0-9.]+)")


@cache
def alert_rules() -> dict[str, dict[str, Any]]:
    """Return every alert rule by its name."""
    groups = [group for path in sorted(RULES_DIR.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def alert_limit(alert: str) -> float:
    """Return the number that an alert's first comparison is with. Raises KeyError or LookupError where there is none."""
    comparison = _COMPARISON.search(alert_rules()[alert]["expr"])
    if comparison is None:
        raise LookupError(f"{alert} compares with no number")
    return float(comparison.group(1))
