"""Secrets are read from files, never repeated in an error, and a misspelt one is not silently left out."""

from __future__ import annotations

import pytest

from contracts.configuration.secret_files import take_secrets
from contracts.errors import Misconfigured


def test_a_file_stands_for_the_variable_that_it_is_named_after(tmp_path):
    (tmp_path / "FEDSECURE_KAFKA_PASSWORD").write_text("from the file\n")
    (tmp_path / "REDIS_URL").write_text("redis://:from-the-file@redis/0")
    environ = {"FEDSECURE_SECRETS_DIR": str(tmp_path), "REDIS_URL": "redis://set"}
    take_secrets(environ)
    assert environ["FEDSECURE_KAFKA_PASSWORD"] == "from the file"
    assert environ["REDIS_URL"] == "redis://set"


def test_without_a_folder_nothing_is_read():
    environ: dict[str, str] = {}
    take_secrets(environ)
    assert environ == {}


@pytest.mark.parametrize("name", ["FEDSECURE_KAFKA_PASWORD", "kafka_password"])
def test_a_name_that_is_no_setting_is_refused(tmp_path, name: str):
    (tmp_path / name).write_text("hunter2")
    with pytest.raises(Misconfigured, match=f"no setting is named {name}") as wrong:
        take_secrets({"FEDSECURE_SECRETS_DIR": str(tmp_path)})
    assert "hunter2" not in str(wrong.value)


def test_a_folder_or_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(Misconfigured, match=r"No such file or directory: .*gone"):
        take_secrets({"FEDSECURE_SECRETS_DIR": str(tmp_path / "gone")})
    (tmp_path / "REDIS_URL").write_bytes(b"\xff\xfe")
    with pytest.raises(Misconfigured, match="no text"):
        take_secrets({"FEDSECURE_SECRETS_DIR": str(tmp_path)})
