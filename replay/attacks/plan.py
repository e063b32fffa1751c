"""Read an attack plan: a YAML list with one attack an entry, for runs with more attacks than fit in flags."""

from __future__ import annotations

from pathlib import Path

import yaml

from contracts.errors import Misconfigured
from replay.attacks.base import AttackSpec
from replay.attacks.parse import spec_from_fields

LARGEST_BYTES = 1_000_000
EXAMPLE = "- {attack: data-poisoning-2, device: p000020, onset: 600, duration: 240, level: strong, seed: 7}"


def read_attack_plan(path: Path) -> list[AttackSpec]:
    """Return the attacks of the plan in their order. Raises Misconfigured naming the file and the entry."""
    try:
        entries = yaml.safe_load(_text_of(path))
    except OSError as error:
        raise Misconfigured(f"the attack plan {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Misconfigured(f"the attack plan {path} is not YAML: {_in_one_line(error)}") from None
    if not isinstance(entries, list) or not entries:
        raise Misconfigured(f"the attack plan {path} is not a list of attacks; an entry looks like {EXAMPLE}")
    return [_spec(path, number, entry) for number, entry in enumerate(entries, start=1)]


def _text_of(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise Misconfigured(f"the attack plan {path} is larger than {LARGEST_BYTES // 1_000_000} MB: that is no plan")
    return content.decode()


def _in_one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem}, line {error.problem_mark.line + 1}"
    return "no text" if isinstance(error, UnicodeDecodeError) else type(error).__name__


def _spec(path: Path, number: int, entry: object) -> AttackSpec:
    where = f"attack {number} of {path}"
    if not isinstance(entry, dict) or "attack" not in entry:
        raise Misconfigured(f"{where} has no `attack`; an entry looks like {EXAMPLE}")
    fields = {str(key): value for key, value in entry.items() if key != "attack"}
    try:
        return spec_from_fields(str(entry["attack"]), fields)
    except Misconfigured as error:
        raise Misconfigured(f"{where}: {error}") from None
