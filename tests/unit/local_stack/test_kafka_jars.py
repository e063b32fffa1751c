from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from contracts.errors import Misconfigured, Unavailable
from fedsecure.local_stack.kafka.jars import LockedJar, ensure_jars, jar_folder, read_lock

CONTENT = b"a jar of ten" * 100
JAR = LockedJar("org.example", "broker", "1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Index:
    """Serves the given contents, one a download, the last one for ever."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = list(contents)
        self.downloads = 0

    def __call__(self, jar: LockedJar, incoming: Path, _add_bytes: object) -> Path:
        self.downloads += 1
        path = incoming / jar.file_name
        path.write_bytes(self.contents.pop(0) if len(self.contents) > 1 else self.contents[0])
        return path


def ensure(folder: Path, index: Index) -> tuple[list[Path], str]:
    said: list[str] = []
    return ensure_jars(folder, [JAR], said.append, index), "\n".join(said)


def test_the_lock_pins_every_jar_of_one_kafka_by_sha256() -> None:
    jars = read_lock()
    versions = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    assert versions == {"4.1.2"}
    assert {len(jar.sha256) for jar in jars} == {64}
    assert len({jar.file_name for jar in jars}) == len(jars) > 40


def test_a_line_that_is_no_lock_line_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text("# comment\nabc org.example:broker\n")
    with pytest.raises(Misconfigured, match=r"abc org\.example:broker"):
        read_lock(lock)


def test_missing_jars_are_fetched_once_and_then_found(tmp_path: Path) -> None:
    index = Index(CONTENT)
    paths, _ = ensure(tmp_path, index)
    assert [path.read_bytes() for path in paths] == [CONTENT]
    ensure(tmp_path, index)
    assert index.downloads == 1


@pytest.mark.parametrize(
    ("damaged", "word"),
    [(CONTENT[:-1], "cut"), (b"", "cut"), (CONTENT[:-1] + b"!", "corrupt"), (CONTENT + b"more", "corrupt")],
)
def test_a_damaged_jar_is_named_and_replaced(tmp_path: Path, damaged: bytes, word: str) -> None:
    (tmp_path / JAR.file_name).write_bytes(damaged)
    paths, said = ensure(tmp_path, Index(CONTENT))
    assert paths[0].read_bytes() == CONTENT
    assert f"broker-1.0.jar is {word}" in said


def test_a_download_that_comes_damaged_is_tried_once_more(tmp_path: Path) -> None:
    index = Index(CONTENT[:50], CONTENT)
    paths, _ = ensure(tmp_path, index)
    assert paths[0].read_bytes() == CONTENT
    assert index.downloads == 2


def test_a_download_that_stays_damaged_is_refused_by_name_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        Unavailable, match=r"broker-1\.0\.jar came cut.*run the command again.*org\.example:broker:1\.0"
    ):
        ensure(tmp_path, Index(CONTENT[:50]))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    with pytest.raises(Unavailable, match="XDG_CACHE_HOME"):
        ensure(blocked / "jars", Index(CONTENT))


def test_the_jars_are_kept_in_the_users_cache(tmp_path: Path) -> None:
    assert jar_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "fedsecure" / "kafka-jars"
    assert jar_folder({"XDG_CACHE_HOME": ""}) == Path.home() / ".cache" / "fedsecure" / "kafka-jars"
