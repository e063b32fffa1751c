"""Pictures of the console where something is missing: one sentence, and the run goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from contracts.errors import Unavailable
from fedsecure.demo.pictures import take_pictures


def test_without_playwright_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(Unavailable, match=r"fedsecure\[pictures\]"):
        take_pictures("chromium", "http://127.0.0.1:1", {"devices": "/"}, tmp_path)


def test_a_browser_that_does_not_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"nowhere/chromium took no pictures"):
        take_pictures(str(tmp_path / "nowhere/chromium"), "http://127.0.0.1:1", {"devices": "/"}, tmp_path)
