"""Write docs/configuration.md: every setting with its variable, kind, default and meaning: `python -m contracts.configuration.describe`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from contracts.configuration.ingest import IngestSettings
from contracts.configuration.parts import (
    ConsoleSettings,
    FederationSettings,
    ProbeSettings,
    RecordingSettings,
    ServiceSettings,
    WorkerSettings,
)
from contracts.configuration.settings import Settings, variable_of

HEAD = """# Configuration

Every program reads its settings once, at its start, from environment variables; a command's own options come first. A wrong value ends the
program with a sentence that names the variable. A program reads only the settings it needs, so all of them can have the same. This page is made
by `python -m contracts.configuration.describe`.

A secret can be a file: `FEDSECURE_SECRETS_DIR` names a folder, and each file in it stands for the variable that it is named after (say
`FEDSECURE_KAFKA_PASSWORD` or `REDIS_URL`), unless that variable is set. [Operations](operations.md#secrets) has it for compose.
"""
_BOUNDS = {Ge: "≥", Gt: ">", Le: "≤", Lt: "<"}


SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "Where the services are": tuple(ServiceSettings.model_fields),
    "The demo's recordings": tuple(RecordingSettings.model_fields),
    "Metrics and probes": tuple(ProbeSettings.model_fields),
    "Workers": tuple(WorkerSettings.model_fields),
    "Federation": tuple(FederationSettings.model_fields),
    "Console": tuple(ConsoleSettings.model_fields),
    "Ingest": tuple(IngestSettings.model_fields),
}


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, names in SECTIONS.items():
        parts += [f"## {title}", "", "| variable | value | default | what it is |", "|---|---|---|---|"]
        parts += [_row(name, Settings.model_fields[name]) for name in names]
        parts.append("")
    return "\n".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{variable_of(name)}` | {_kind(field)} | {_default(field)} | {field.description or ''} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or value == ():
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(field: FieldInfo) -> str:
    said = " or ".join(_names(field.annotation))
    bounds = [f"{_BOUNDS[type(bound)]} {_number(bound)}" for bound in field.metadata if type(bound) in _BOUNDS]
    return " ".join([said, *bounds])


def _number(bound: Any) -> Any:
    """Return the number of a bound such as Ge(1)."""
    return next(getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name))


def _names(kind: Any) -> Iterator[str]:
    if get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            if member is not NoneType:
                yield from _names(member)
    elif get_origin(kind) is Literal:
        yield from (f"`{choice}`" for choice in get_args(kind))
    elif get_origin(kind) is tuple:
        yield "names, comma between"
    else:
        yield {SecretStr: "secret"}.get(kind) or {
            "str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path",
        }[kind.__name__]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(page())
