"""The page on losses has a row for every topic and every key there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from contracts.redis_keys import RedisKeys
from contracts.topics import Topics, TopicSpec
from detectors.bundle.bundle import FILES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()


def rows_of(heading: str) -> str:
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return " ".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))


def topics() -> set[str]:
    made = Topics()
    named = {spec.name for spec in made.fixed()}
    for name, method in inspect.getmembers(made, inspect.ismethod):
        if name.endswith("_spec"):
            parameters = inspect.signature(method).parameters
            spec: TopicSpec = method(
                *(1 if parameter == "partitions" else f"<{parameter.removesuffix('_id')}>" for parameter in parameters)
            )
            named.add(spec.name)
    return {name.removeprefix("fedsecure.") for name in named}


def test_every_topic_has_a_row():
    rows = set(re.findall(r"`([^`]+)`", rows_of("Topics")))
    assert rows == topics()


def test_every_key_has_a_row():
    keys = set(vars(RedisKeys())) - {"prefix"}
    keys |= {name for name, _ in inspect.getmembers(RedisKeys(), inspect.ismethod) if not name.startswith("_")}
    assert set(re.findall(r"`([^`]+)`", rows_of("Redis"))) == keys


def test_every_file_of_a_bundle_has_a_row():
    assert {*FILES, "manifest.json"} <= set(re.findall(r"`([^`]+)`", PAGE))


def test_the_tests_that_are_named_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
