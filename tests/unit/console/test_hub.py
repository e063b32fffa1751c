"""Screens get a snapshot and then every change; one that takes nothing is let go, the others notice nothing."""

from __future__ import annotations

import asyncio
import json

from console.hub import MOST_WAITING, Hub


class Counter:
    def __init__(self) -> None:
        self.value = 0
        self.sent = 0

    def snapshot(self):
        return {"value": self.sent}

    def changes(self):
        if self.value == self.sent:
            return None
        self.sent = self.value
        return {"value": self.sent}


async def received(screen) -> tuple[str, dict] | None:
    message = await asyncio.wait_for(screen.next(), 1)
    if message is None:
        return None
    kind, data, *_ = message.decode().split("\n")
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_a_screen_starts_with_all_and_goes_on_with_changes() -> None:
    view = Counter()
    hub = Hub(view)
    view.value = 3
    screen = hub.join()
    view.value = 4
    hub.send_changes()
    hub.send_changes()
    assert [await received(screen), await received(screen)] == [("snapshot", {"value": 3}), ("changes", {"value": 4})]


async def test_a_screen_that_joins_late_takes_no_change_from_the_others() -> None:
    view = Counter()
    hub = Hub(view)
    first = hub.join()
    view.value = 9
    second = hub.join()
    await received(first)
    assert await received(first) == ("changes", {"value": 9})
    assert await received(second) == ("snapshot", {"value": 9})


async def test_a_screen_that_takes_nothing_is_let_go_and_the_others_are_not() -> None:
    view = Counter()
    hub = Hub(view)
    slow, quick = hub.join(), hub.join()
    for view.value in range(1, MOST_WAITING + 5):
        hub.send_changes()
        assert await received(quick) is not None
    assert slow.is_closed
    assert await received(slow) is None
    assert not quick.is_closed
