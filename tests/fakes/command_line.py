"""The command line in this process: every command with its parameters, and what one says and exits with."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import pytest
import structlog
import typer.main
from typer.utils import get_params_from_function

from fedsecure import cli

WRITTEN = {"out", "report", "screenshots", "pictures", "plot", "work"}
KEPT = {"state_dir", "key_dir", "folder"}
ALONE = {
    "device": ("--all",),
    "models-rollback": ("--yes",),
    "promote": ("--yes",),
    "replay": ("--synthetic=1", "--synthetic-minutes=5"),
}  # to be called at all, and short
PROGRAM = typer.main.get_command(cli.app)  # made once: making it takes longer than most of what is called


@dataclass(frozen=True)
class Outcome:
    """What a run ended with."""

    code: int
    out: str
    err: str

    def is_one_sentence(self) -> bool:
        """Say whether it ended as a person can use it: a usage error, or one line that begins with our name, and the right code.

        Below that line may stand a list, indented: of the formats that are read.
        """
        lines = [line for line in self.err.strip().splitlines() if not line.startswith("  ")]
        said = [line for line in lines if line.startswith("fedsecure: ")]
        is_usage = self.code == 2 and "Usage:" in self.err and "Invalid value" in self.err
        return (
            self.code in {1, 2}
            and "Traceback" not in self.err
            and (is_usage or (len(said) == 1 and lines[-1] == said[0]))
        )


@dataclass(frozen=True)
class Command:
    """A command by its words, with its parameters by name, and what their functions say that they are."""

    words: tuple[str, ...]
    parameters: dict[str, Any]
    kinds: dict[str, object]

    def __str__(self) -> str:
        return "-".join(self.words)

    def of_kind(self, kind: type, *others: type) -> list[str]:
        """Return the names of the parameters that take such values, one or several."""
        kinds = {kind, *others, *(list[one] for one in (kind, *others))}  # type: ignore[valid-type]
        return [name for name in self.parameters if self.kinds[name] in kinds]

    def given(self, name: str, value: str) -> list[str]:
        """Return the words that give a value to a parameter."""
        parameter = self.parameters[name]
        return [value] if parameter.param_type_name == "argument" else [f"{parameter.opts[0]}={value}"]

    def call(self, folder: Path, name: str, value: str) -> list[str]:
        """Return a call that is right but for this parameter: what else is required gets something usable."""
        arguments = [one for one in ALONE.get("-".join(self.words), ()) if not self._gives(one, name)]
        if "base_url" in self.parameters:
            arguments.append("--base-url=http://127.0.0.1:1/")
        for other, one in self.parameters.items():
            if other == name:
                arguments += self.given(name, value)
            elif one.required:
                arguments += self.given(other, self._usable(one, other, folder))
        return [*self.words, *sorted(arguments, key=lambda word: not word.startswith("--"))]

    def _gives(self, word: str, name: str) -> bool:
        return name in self.parameters and word.partition("=")[0] in self.parameters[name].opts

    def _usable(self, parameter: Any, name: str, folder: Path) -> str:
        if self.kinds[name] in (Path, list[Path]):
            is_table = (parameter.metavar or "").endswith(".csv")
            return str(folder / (("new.csv" if is_table else "new") if name in WRITTEN else "good.csv"))
        return "hl7" if name == "protocol" else "p000020"


def every_command() -> Iterator[Command]:
    """Yield every command that can be called, also one that has subcommands."""
    yield from _below(PROGRAM, ())


def _below(command: Any, words: tuple[str, ...]) -> Iterator[Command]:
    subcommands = getattr(command, "commands", {})
    for name, one in subcommands.items():
        yield from _below(one, (*words, name))
    if words and (not subcommands or command.invoke_without_command):
        kinds = {name: _given_kind(one.annotation) for name, one in get_params_from_function(command.callback).items()}
        yield Command(words, {one.name: one for one in command.params if one.name in kinds}, kinds)


def _given_kind(annotation: Any) -> object:
    """Return what a parameter is where it is given: it may be left out."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(annotation) and len(kinds) == 1 else annotation


def run(words: Sequence[str], capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run `fedsecure WORDS` here, with the signals as they were afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(sys, "argv", ["fedsecure", *words])
    monkeypatch.setattr(cli, "app", PROGRAM)
    capture.readouterr()
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _forget_logs()
    said = capture.readouterr()
    return Outcome(code, said.out, said.err)


def _forget_logs() -> None:
    """Take away the handlers that write to this run's own standard error."""
    for handler in list(logging.getLogger().handlers):
        if type(handler) is logging.StreamHandler:
            logging.getLogger().removeHandler(handler)
    structlog.reset_defaults()
