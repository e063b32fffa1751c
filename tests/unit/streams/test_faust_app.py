"""The app that `faust -A streams.app worker` finds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from contracts.configuration.settings import Settings
from streams.discovery import Look
from streams.faust.app import build_app
from transport.kafka.offsets import TopicPartition


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


async def test_what_a_found_topic_holds_is_lag_until_the_next_assignment(monkeypatch: pytest.MonkeyPatch):
    """Else a topic that was made anew would look judged until the group knows of it."""
    app, told = build_app(Settings(prefix="t")), list[bool]()
    a, b = (app.core.settings.topics.vitals(name) for name in "ab")

    async def learn_topics(*, rejoin: bool) -> None:
        told.append(rejoin)

    async def bounds(partitions: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        return dict.fromkeys(partitions, (3, 10))

    async def nothing(_: object) -> None:
        pass

    monkeypatch.setattr(type(app), "consumer", SimpleNamespace(learn_topics=learn_topics))
    monkeypatch.setattr(app.core, "reader", SimpleNamespace(bounds=bounds))
    monkeypatch.setattr(app.core, "heed", nothing)
    monkeypatch.setattr(app.core, "assign", nothing)
    await app.heed(Look({a, b}, changed=set()))
    assert (told, await app._waiting()) == ([], 0)
    await app.heed(Look({a, b}, changed={a, "t.vitals.v1.gone", app.core.settings.topics.fl_rounds}))
    assert (told, await app._waiting()) == ([False], 7)
    await app.heed(Look({a, b}, changed={b}, anew={b}))
    assert (told, await app._waiting()) == ([False, True], 14)
    await app.take_assigned(app, [])
    assert await app._waiting() == 0
    monkeypatch.undo()
    await app.core.close()
