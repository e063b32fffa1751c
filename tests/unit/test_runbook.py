"""The runbook has an entry for every alert and no other, says what one needs to know, and its numbers are the rules'."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from promql_names import alerts

from console.web.attempts import OF_ALL, OF_AN_ADDRESS
from contracts.messages.federation import RoundPhase

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "runbook.md").read_text()
ENTRIES = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
WORDS_OF = {"s": " s", "m": " minutes"}


def test_there_is_an_entry_for_every_alert_and_no_other():
    headings = re.findall(r"^## (\w+)$", TEXT, re.MULTILINE)
    assert sorted(headings) == sorted(alerts())


@pytest.mark.parametrize("name", alerts())
def test_an_entry_says_what_it_means_how_to_look_what_to_do_and_when_it_clears(name: str):
    said = re.findall(r"^\*\*(\w+)\.?\*\*", ENTRIES[name], re.MULTILINE)
    assert said == ["Means", "Look", "Do", "Clears"]


@pytest.mark.parametrize("name", alerts())
def test_the_link_of_an_alert_leads_to_its_entry(name: str):
    path, anchor = alerts()[name]["annotations"]["runbook_url"].split("#")
    assert (DOCS.parent / path).read_text() == TEXT
    assert anchor in {entry.lower() for entry in ENTRIES}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("DevicesNotBenign", "25 %"), ("ScoreDrift", "0.3"), ("ScoreDrift", "200 windows"), ("WorkerLagging", "500"),
        ("RoundsSkipped", "3 rounds"), ("NoCommittedRound", "10 rounds"), ("CertificateExpires", "14 days"), ("ConsoleTokensRefused", "10 tokens"),
    ],
)  # fmt: skip
def test_a_number_of_an_entry_is_the_one_of_its_rule(name: str, number: str):
    assert number in ENTRIES[name].replace("\n", " ")
    bare = float(number.split(maxsplit=1)[0]) / (100 if "%" in number else 1)
    assert bare in {float(found) for found in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", alerts()[name]["expr"])}


@pytest.mark.parametrize("name", [name for name, rule in alerts().items() if "for" in rule])
def test_how_long_an_alert_waits_is_said(name: str):
    for_ = alerts()[name]["for"]
    amount, unit = int(for_[:-1]), for_[-1]
    words = {"1m": ("a minute",), "30m": ("half an hour", "half an\nhour")}.get(for_, (f"{amount}{WORDS_OF[unit]}",))
    assert any(word in ENTRIES[name] for word in words), words


def test_reasons_of_rounds_that_the_runbook_names_are_those_of_the_coordinator():
    packages = (DOCS.parent / "fl_coordinator", DOCS.parent / "contracts")
    source = "".join(path.read_text() for package in packages for path in package.rglob("*.py"))
    for reason in re.findall(r"`(\w+)`[,:]", ENTRIES["RoundsSkipped"]):
        if reason not in set(RoundPhase):
            assert f'"{reason}"' in source, reason


def test_how_often_a_token_may_be_tried_is_said_as_it_is():
    said = ENTRIES["ConsoleTokensRefused"].replace("\n", " ")
    one, every = OF_AN_ADDRESS, OF_ALL
    assert f"may show {one.at_once} at once and then one every {one.every_s:.0f} s" in said
    assert f"all together {every.at_once} and then one a second" in said
    assert every.every_s == 1.0
