"""The app that `faust -A streams.app worker` finds."""

from __future__ import annotations

import pytest

from contracts.configuration.settings import Settings
from streams.faust.app import build_app


async def test_no_web_server_starts_although_fausts_command_line_asks_for_one():
    app = build_app(Settings(prefix="t"))
    app.conf.web_enabled = True
    assert list(app.boot_strategy.web_server()) == []
    await app.core.close()


async def test_no_start_waits_for_tables_that_nobody_declares(monkeypatch: pytest.MonkeyPatch):
    app = build_app(Settings(prefix="t"))
    called: list[str] = []

    def note(name: str):
        async def noted(*_: object) -> None:
            called.append(name)

        return noted

    monkeypatch.setattr(app.tables, "sleep", note("slept"))
    monkeypatch.setattr(app.tables, "_update_channels", note("channels"))
    monkeypatch.setattr(app.tables.recovery, "start", note("recovery"))
    await app.tables.on_start()
    assert called == ["channels", "recovery"]
    await app.core.close()
