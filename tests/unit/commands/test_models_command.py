"""`fedsecure models` lists as before, and takes a model back only for a person or a script that means it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

from contracts.errors import Misconfigured
from fedsecure.commands import models as command


@pytest.fixture(autouse=True)
def _no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDSECURE_STATE_DIR", str(tmp_path / "state"))


@pytest.mark.parametrize("words", [(), ("3fa8",), ("--json",), ("--last=3", "3fa8"), ("show", "3fa8")])
def test_what_names_no_command_of_the_group_lists_models(words, capsys, monkeypatch):
    def refuse() -> None:
        raise Misconfigured("asked for the stack")

    monkeypatch.setattr(command, "settings_for_running_stack", refuse)
    outcome = run(["models", *words], capsys, monkeypatch)
    assert (outcome.code, outcome.err.strip()) == (2, "fedsecure: asked for the stack")


def test_help_shows_both_commands(capsys, monkeypatch):
    outcome = run(["models", "--help"], capsys, monkeypatch)
    assert outcome.code == 0
    assert "show" in outcome.out
    assert "rollback" in outcome.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--reason= ", "--yes"], "--reason needs a text of 1 to 500 characters"),
        ([f"--reason={'x' * 501}", "--yes"], "--reason needs a text of 1 to 500 characters"),
        (["--reason=why"], "nobody can be asked here: add --yes"),
    ],
)
def test_a_rollback_needs_a_reason_and_somebody_who_means_it(words, said, capsys, monkeypatch):
    outcome = run(["models", "rollback", "3fa8", *words], capsys, monkeypatch)
    assert outcome.code == 2
    assert said in outcome.err
