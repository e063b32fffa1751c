"""The `fedsecure` command: collects the commands and turns our errors into one clear sentence."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

from contracts.errors import FedSecureError, Misconfigured
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
    try:
        take_secrets(os.environ)
        app()
    except Misconfigured as error:
        typer.secho(f"fedsecure: {error}", fg="red", err=True)
        sys.exit(2)
    except FedSecureError as error:
        typer.secho(f"fedsecure: {error}", fg="red", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
