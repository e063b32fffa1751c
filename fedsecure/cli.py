"""The `fedsecure` command: collects the commands and turns our errors into one clear sentence."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import NoReturn

import typer

from contracts.errors import FedSecureError, Misconfigured
from fedsecure.refusals import refusal_of
from fedsecure.secret_files import take_secrets

COMMANDS = (
    "demo", "stack", "topics", "replay", "attacks", "ingest", "worker", "coordinator", "device", "status", "console",
    "models", "promote", "bundles", "rollback", "score", "train", "calibrate", "evaluate", "fetch", "cohort", "inspect", "synthetic", "paper", "federate", "export",
)  # fmt: skip

app = typer.Typer(
    name="fedsecure",
    help="Keeps poisoned medical devices out of federated models: streams vitals, judges devices, gates rounds.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name in COMMANDS:
    import_module(f"fedsecure.commands.{_name}").register(app)


def main() -> None:
    """Run the command line; exit 2 for a wrong call, 1 for a failure, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a terminal that knows fewer letters, or a file's name that is no text
            stream.reconfigure(errors="replace")
    try:
        try:
            take_secrets(os.environ)
            app()
        finally:
            sys.stdout.flush()  # else a full disk or a reader that has gone is noticed when nobody can say so any more
    except FedSecureError as error:
        _end(error)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except (OSError, MemoryError) as error:
        if (refusal := refusal_of(error)) is None:
            raise
        _end(refusal)
    except KeyboardInterrupt:
        sys.exit(130)


def _end(error: FedSecureError) -> NoReturn:
    typer.secho(f"fedsecure: {error}", fg="red", err=True)
    sys.exit(2 if isinstance(error, Misconfigured) else 1)
