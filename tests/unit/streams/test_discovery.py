"""What a look at the topics tells of them."""

from __future__ import annotations

from contracts.configuration.settings import Settings
from streams.discovery import Discovery
from streams.vitals_records import DeviceNames

TOPICS = Settings(prefix="t").topics
A, B = TOPICS.vitals("a"), TOPICS.vitals("b")
FIXED = {spec.name: "fixed" for spec in TOPICS.fixed()}


class Reader:
    def __init__(self, **topics: str) -> None:
        self.listed: dict[str, str] = {}

    async def topics(self) -> dict[str, str]:
        return self.listed


async def test_a_look_tells_what_came_what_went_and_what_is_another_now():
    reader = Reader()
    discovery = Discovery(reader, DeviceNames(Settings(prefix="t")), 1.0)  # type: ignore[arg-type]
    reader.listed = FIXED | {A: "1", "t.vitals.v1.No Id": "1", "other.vitals.v1.a": "1"}
    first = await discovery.look()
    assert (first.vitals, first.changed, first.anew, first.missing) == ({A}, set(), set(), set())
    reader.listed = FIXED | {A: "1", B: "1"}
    assert (await discovery.look()).changed == {B}
    reader.listed = FIXED | {A: "2", B: "1"}
    look = await discovery.look()
    assert (look.vitals, look.changed, look.anew) == ({A, B}, {A}, {A})
    reader.listed = {topic: name for topic, name in FIXED.items() if topic != TOPICS.device_status} | {B: "1"}
    look = await discovery.look()
    assert (look.vitals, look.changed, look.anew) == ({B}, {A, TOPICS.device_status}, set())
    assert look.missing == {TOPICS.device_status}
    reader.listed = FIXED | {A: "3", B: "1"}
    look = await discovery.look()
    assert (look.changed, look.anew, look.missing) == ({A, TOPICS.device_status}, set(), set())
