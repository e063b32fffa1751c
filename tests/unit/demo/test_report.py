"""The report of a run made by hand: complete, self-contained, readable without pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fedsecure.demo.observing.checks import judge
from fedsecure.demo.observing.observation import Observation, decode_observation
from fedsecure.report.page import summarise, write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that every tag is closed in order, and keeps what a browser would fetch or show."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.figures: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data"}]
        self.ids += [given["id"] or ""] if "id" in given else []
        if tag == "svg":
            assert given.get("role") == "img"
            self.figures.append(given.get("aria-label") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(make_run: Callable[[], Observation], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run's report, only to be read."""
    folder, run = tmp_path_factory.mktemp("report"), make_run()
    write_report(folder, run, judge(run))
    return folder


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    parsed = Page()
    parsed.feed((written / "report.html").read_text())
    parsed.close()
    return parsed


def test_the_page_is_well_formed_and_fetches_nothing(page: Page) -> None:
    assert page.open == []
    assert all(target.startswith("#") for target in page.fetched)


def test_no_style_fetches_anything_either(written: Path) -> None:
    text = (written / "report.html").read_text()
    assert not re.search(r"@import|url\((?!['\"]?#)", text)
    assert "<script" not in text


def test_every_device_has_a_figure_that_is_also_told_in_words(page: Page) -> None:
    for device_id in ("p000020", "s00001", "synthetic-7-0000"):
        assert any(label.startswith(f"{device_id}: 1200 minutes") for label in page.figures)
    assert any("quarantined 70 minutes after onset" in label for label in page.figures)
    assert len(page.figures) == 5


def test_no_id_is_used_twice_so_that_no_clip_path_is_borrowed(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))


def test_the_verdict_and_the_exclusions_are_on_the_page(page: Page) -> None:
    assert "Passed." in page.text
    assert "enrolling" in page.text
    assert "no quorum" in page.text
    assert "Apache Kafka 4.1" in page.text


def test_a_failed_check_is_said_on_top(run: Observation, tmp_path: Path) -> None:
    run.truth = []
    write_report(tmp_path, run, judge(run))
    assert "1 of 2 checks failed" in (tmp_path / "report.html").read_text()


def test_the_summary_holds_what_was_promised(written: Path) -> None:
    summary = json.loads((written / "summary.json").read_text())
    assert summary["passed"] is True
    assert summary["broker"] == {"product": "Apache Kafka", "version": "4.1"}
    attacked = summary["devices"]["p000020"]
    assert attacked["state"] == "quarantined"
    assert attacked["detected_after_min"] == 70
    assert attacked["attacked"] == [{"attack": "data-poisoning-2", "level": "strong", "minutes": 440}]
    assert summary["devices"]["s00001"]["attacked"] == []
    assert summary["rounds"][0]["excluded"]["p000020"] == "enrolling"
    assert summary["minutes_per_s"] == pytest.approx(24.0, rel=0.02)
    assert 0.02 <= summary["latency_s"]["p50"] <= summary["latency_s"]["p99"] <= 0.03
    assert summary["dead_letters"] == 0
    assert summary["seconds_to_streaming"] == 10.0


def test_a_saved_observation_gives_the_same_report_again(written: Path, tmp_path: Path) -> None:
    again = decode_observation((written / "observation.json").read_bytes())
    write_report(tmp_path, again, judge(again))
    assert (tmp_path / "report.html").read_text() == (written / "report.html").read_text()


def test_a_run_that_saw_nothing_still_has_a_report(tmp_path: Path) -> None:
    nothing = Observation(started_at=0.0, ended_at=1.0)
    summary = write_report(tmp_path, nothing, judge(nothing))
    assert summary["passed"] is False
    assert summary == summarise(nothing, judge(nothing))
