"""Key files: whole or not there, for their owner alone, and replaced in one step."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from device_keys import private_key

from contracts.errors import Misconfigured
from contracts.signing import public_bytes_of, to_pem
from fl_device.keys.folder import KeyFolder


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "new" / "keys")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: KeyFolder) -> list[str]:
    return sorted(path.name for path in folder.folder.iterdir())


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_key_is_in_a_file_and_a_folder_for_their_owner_alone(folder: KeyFolder, umask: int) -> None:
    folder.folder.parent.mkdir()
    before = os.umask(umask)
    try:
        folder.load_or_create("p1")
        folder.prepare_rotation("p1")
    finally:
        os.umask(before)
    assert mode(folder.folder) & 0o077 == 0
    for name in ("p1.pem", "p1.pem.new"):
        assert mode(folder.folder / name) == 0o600


def test_a_key_is_made_once_and_found_again(folder: KeyFolder) -> None:
    assert not folder.has("p1")
    made = folder.load_or_create("p1")
    for found in (folder.load_or_create("p1"), folder.load("p1"), KeyFolder(folder.folder).load("p1")):
        assert public_bytes_of(found) == public_bytes_of(made)
    assert public_bytes_of(folder.load_or_create("p2")) != public_bytes_of(made)
    assert names(folder) == ["p1.pem", "p2.pem"]


def test_of_two_that_make_a_key_at_once_both_get_the_same_one(folder: KeyFolder, monkeypatch) -> None:
    first = KeyFolder(folder.folder).load_or_create("p1")
    monkeypatch.setattr(folder, "has", lambda device_id: folder.path(device_id).stat().st_nlink > 1)
    monkeypatch.setattr(folder, "load", lambda _: KeyFolder(folder.folder).load("p1"))
    assert public_bytes_of(folder.load_or_create("p1")) == public_bytes_of(first)
    assert names(folder) == ["p1.pem"]


def test_a_replaced_file_counts_at_the_next_reading(folder: KeyFolder) -> None:
    old = folder.load_or_create("p1")
    new = folder.prepare_rotation("p1")
    assert public_bytes_of(folder.load("p1")) == public_bytes_of(old)
    waiting = folder.prepared("p1")
    assert waiting is not None
    assert public_bytes_of(waiting) == public_bytes_of(new)
    folder.finish_rotation("p1")
    assert public_bytes_of(folder.load("p1")) == public_bytes_of(new)
    assert folder.prepared("p1") is None
    assert names(folder) == ["p1.pem"]


def test_a_missing_key_is_said_with_the_command_that_makes_it(folder: KeyFolder) -> None:
    with pytest.raises(Misconfigured, match="`fedsecure device register p1`"):
        folder.load("p1")


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_or_write_is_not_used(folder: KeyFolder, open_to: int) -> None:
    folder.load_or_create("p1")
    folder.path("p1").chmod(open_to)
    with pytest.raises(Misconfigured, match="chmod 600"):
        folder.load("p1")


def test_a_file_that_holds_no_key_is_named_without_its_content(folder: KeyFolder) -> None:
    folder.load_or_create("p1")
    pem = to_pem(private_key("p1"))
    folder.path("p1").write_bytes(pem[:60])
    with pytest.raises(Misconfigured, match=r"p1\.pem: not a private key") as error:
        folder.load("p1")
    assert pem.splitlines()[1][:16].decode() not in str(error.value)


@pytest.mark.parametrize("device_id", ["../p1", "a/b", "", "P1", "p1.pem"])
def test_a_device_is_never_a_path(folder: KeyFolder, device_id: str) -> None:
    with pytest.raises(Misconfigured, match="is not a device id"):
        folder.load_or_create(device_id)
    assert not folder.folder.exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match=r"cannot write to .*--key-dir"):
        KeyFolder(tmp_path / "file" / "keys").load_or_create("p1")
