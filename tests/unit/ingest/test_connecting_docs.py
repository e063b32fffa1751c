"""What docs/connecting-monitors.md tells people to write is run here."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.configuration.settings import Settings
from contracts.messages.ingest import Reading
from ingest.hl7.catalogue import BUILT_IN, catalogue_with
from ingest.protocol import GivenReadings, NotUsed, protocol_named

PAGE = (Path(__file__).parents[3] / "docs" / "connecting-monitors.md").read_text()
GATEWAY, ANOTHER = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(MAPPING,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


class Delivery:
    def __init__(self) -> None:
        self.taken: list[GivenReadings] = []

    async def __call__(self, given: Sequence[GivenReadings]) -> None:
        if given[0].given == "nobody":
            raise NotUsed("no such bed")
        self.taken += given


async def test_the_example_gateway_is_answered_thirty_times() -> None:
    delivery = Delivery()
    async with protocol_named("hl7").listen(Settings(ingest_port=0), delivery) as port:
        code = GATEWAY.replace("PORT = 2575", f"PORT = {port}")
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.stdout.split() == [f"MSA|AA|{number}" for number in range(30)], done.stderr
    assert {each.given for each in delivery.taken} == {"ICU Bed 4"}
    assert [one.value for one in delivery.taken[0].readings] == [72.0, 15.0]


def test_the_example_mapping_is_one(tmp_path: Path) -> None:
    file = tmp_path / "vendor.yaml"
    file.write_text(MAPPING)
    assert catalogue_with(file).find(["AF_CO2", "", "99X"]) == ("resp_rate_bpm", 1)


async def test_the_example_protocol_is_one() -> None:
    module: dict[str, object] = {"__name__": "lines"}
    exec(compile(ANOTHER, "lines.py", "exec"), module)
    delivery = Delivery()
    async with module["PROTOCOL"].listen(Settings(ingest_port=0), delivery) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"bed": "Bed 4", "at": 1790000000, "hr": 72, "rr": 15}\n{"bed": "nobody", "at": 1}\n?\n')
        answers = [(await reader.readline()).split(b":")[0] for _ in range(3)]
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert answers == [b"ok\n", b"no", b"no"]
    assert delivery.taken[0].readings[0] == Reading("heart_rate_bpm", 0, 1790000000.0, 72.0)


@pytest.mark.parametrize("code", [code for sources in BUILT_IN.values() for code, *_ in sources])
def test_every_code_is_on_the_page(code: str) -> None:
    assert code in PAGE
