"""The app that `faust -A streams.app worker` finds."""

from __future__ import annotations

from contracts.configuration.settings import Settings
from streams.faust.app import build_app


async def test_no_web_server_starts_although_fausts_command_line_asks_for_one():
    app = build_app(Settings(prefix="t"))
    app.conf.web_enabled = True
    assert list(app.boot_strategy.web_server()) == []
    await app.core.close()
