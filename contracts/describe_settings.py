"""Write docs/configuration.md: every setting with its variable, kind, default and meaning: `python -m contracts.describe_settings`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from contracts.settings import Settings, variable_of

HEAD = """# Configuration

Every program reads its settings once, at its start, from environment variables; a command's own options come first. A wrong value ends the
program with a sentence that names the variable. A program reads only the settings it needs, so all of them can have the same. This page is made
by `python -m contracts.describe_settings`.

A secret can be a file: `FEDSECURE_SECRETS_DIR` names a folder, and each file in it stands for the variable that it is named after (say
`FEDSECURE_KAFKA_PASSWORD` or `REDIS_URL`), unless that variable is set. [Operations](operations.md#secrets) has it for compose.
"""
_BOUNDS = {Ge: "≥", Gt: ">", Le: "≤", Lt: "<"}


def _sections() -> dict[str, tuple[str, ...]]:
    """Return the names of the settings by what they are for, in their order."""
    firsts = {
        "kafka_bootstrap_servers": "Where the services are", "offline": "The demo's recordings", "metrics_host": "Metrics and probes",
        "worker_group": "Workers", "federated_task": "Federation",
        "console_host": "Console", "ingest_host": "Ingest",
    }  # fmt: skip
    sections: dict[str, list[str]] = {title: [] for title in firsts.values()}
    title = ""
    for name in Settings.model_fields:
        title = firsts.get(name, title)
        sections[title].append(name)
    return {title: tuple(names) for title, names in sections.items()}


SECTIONS: Final = _sections()


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
    bounds = [f"{_BOUNDS[type(one)]} {_number(one)}" for one in field.metadata if type(one) in _BOUNDS]
    return " ".join([said, *bounds])


def _number(bound: Any) -> Any:
    """Return the number of a bound such as Ge(1)."""
    return next(getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name))


def _names(kind: Any) -> Iterator[str]:
    if get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            if one is not NoneType:
                yield from _names(one)
    elif get_origin(kind) is Literal:
        yield from (f"`{one}`" for one in get_args(kind))
    elif get_origin(kind) is tuple:
        yield "names, comma between"
    else:
        yield {SecretStr: "secret"}.get(kind) or {
            "str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path",
        }[kind.__name__]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(page())
