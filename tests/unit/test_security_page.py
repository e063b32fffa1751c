"""Every claim of docs/security.md names a test that there is, and its figures are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from promql_names import alerts

from console.web.attempts import OF_ALL, OF_AN_ADDRESS
from contracts.configuration.settings import Settings
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security.authority import CA_DAYS, SERVER_DAYS
from fedsecure.security.principals import program_principals

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda named: named.rpartition("/")[2])
def test_a_test_that_the_page_names_is_there(file: str, test: str) -> None:
    functions = ast.walk(ast.parse((ROOT / file).read_text()))
    assert test in {one.name for one in functions if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_of_what_stops_an_attacker_names_a_test() -> None:
    (part,) = re.findall(r"## Who might attack.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    rows = [row for row in part.splitlines() if row.startswith("| ") and not row.startswith("| tries to")]
    assert len(rows) > 15
    assert [row for row in rows if "`tests/" not in row] == []


def test_lifetimes_and_limits_are_those_of_the_code() -> None:
    days = Settings().console_session_s / 86_400
    assert f"{days:.0f} days (`FEDSECURE_CONSOLE_SESSION_S`)" in PAGE
    assert f"| {CA_DAYS // 365} years |" in PAGE
    assert f"| {SERVER_DAYS} days |" in PAGE
    limits = f"{OF_AN_ADDRESS.at_once} tries and one in {OF_AN_ADDRESS.every_s:.0f} s an address, {OF_ALL.at_once} and one a second"
    assert limits in PAGE


def test_every_alert_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"\b((?:[A-Z][a-z]+){2,})\b", PAGE)) & {
        "CertificateExpires", "CertificateExpired", "ConsoleTokensRefused", "DeviceQuarantined", "DeadLetters", "ScoreDrift", "DevicesNotBenign",
    }  # fmt: skip
    assert len(named) == 7
    assert named <= set(alerts())


def test_what_a_stolen_password_opens_is_said_of_every_principal() -> None:
    (part,) = re.findall(r"## What each principal's row prevents.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    said = {name for row in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for name in re.findall(r"`([\w-]+)`", row)}
    wanted = {one.name for one in program_principals(Topics("t"), RedisKeys("t"), "w")}
    assert said == wanted | {"device-ID", "admin"}
