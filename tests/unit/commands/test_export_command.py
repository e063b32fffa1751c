"""`fedsecure export` refuses, before any work, what it could not finish."""

from __future__ import annotations

from typer.testing import CliRunner

from contracts.errors import Misconfigured
from fedsecure.cli import app


def refusal(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["export", *map(str, arguments)])
    assert isinstance(result.exception, Misconfigured)
    return str(result.exception)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "is not an empty folder" in refusal("--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_bundle_that_does_not_exist_is_named(tmp_path):
    assert "nowhere is refused" in refusal("--out", tmp_path / "out", "--bundle", tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    assert "choose another --out" in refusal("--out", tmp_path / "file" / "out")
