"""Attacks of your own, outside this package: `my_pkg.my_attack:ATTACK` or `path/to/my_attack.py:alter`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getdoc, signature
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

import numpy as np

from contracts.errors import Misconfigured
from replay.attacks.base import DEFAULT_LEVEL, Alter, Amounts, Attack, AttackedSpan
from replay.recording import Vitals

_REFERENCE = re.compile(r"(?P<where>.+\.py|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)")
SIGNATURE = "alter(span, amounts, generator) -> (heart_rate_bpm, resp_rate_bpm)"


def is_reference(name: str) -> bool:
    """Whether the name points into a module or file rather than to one of the listed attacks.

    >>> is_reference("my_attack.py:alter"), is_reference("motif")
    (True, False)
    """
    return _REFERENCE.fullmatch(name) is not None


@cache
def own_attack(reference: str) -> Attack:
    """Import the module or file (once a process) and return its attack, whose name is the reference.

    The attack is an `Attack`, or a function with the signature of `alter`, which has the one level `strong` without
    amounts. Modules are looked for in the current folder too. Raises Misconfigured for anything that is not so.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise Misconfigured(f"{reference!r} is not module:name nor path/to/file.py:name")
    module = _imported(reference, match["where"])
    if not hasattr(module, match["name"]):
        raise Misconfigured(f"{reference}: {match['where']} has no {match['name']}")
    attribute = getattr(module, match["name"])
    if isinstance(attribute, Attack):
        return replace(attribute, name=reference, alter=_checked(reference, attribute.alter))
    if not callable(attribute) or not _takes_three(attribute):
        raise Misconfigured(f"{reference} is neither an Attack nor a function {SIGNATURE}")
    summary = (getdoc(attribute) or "an attack of your own").splitlines()[0]
    levels: dict[str, Amounts] = {DEFAULT_LEVEL: ()}
    words = {DEFAULT_LEVEL: "the one level of a function"}
    return Attack(reference, summary, (), levels, _checked(reference, attribute), words, takes_donor=True)


def _imported(reference: str, where: str) -> ModuleType:
    """Run the module. What its own code raises is kept as the cause."""
    try:
        return _run_file(Path(where)) if where.endswith(".py") else _import_from_here(where)
    except Misconfigured:
        raise
    except Exception as error:
        raise Misconfigured(f"{reference} cannot be imported: {type(error).__name__}: {error}") from error


def _run_file(path: Path) -> ModuleType:
    name = f"own_attack_{crc32(str(path.resolve()).encode()):08x}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Misconfigured(f"the attack's file {path} is not there")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_from_here(name: str) -> ModuleType:
    """Import a module. An installed command does not look for it where it is run, which a person who names one expects."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        invalidate_caches()
        return import_module(name)
    finally:
        sys.path.remove(here)


def _takes_three(function: Callable[..., Any]) -> bool:
    try:
        signature(function).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def _checked(reference: str, alter: Alter) -> Alter:
    """Return the function with its result checked: shipped attacks are tested instead, which costs nothing each time."""

    def checked(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
        returned = alter(span, amounts, generator)
        shapes = [np.shape(channel) for channel in returned] if isinstance(returned, tuple) else None
        if shapes != [(span.minutes,)] * 2:
            what = type(returned).__name__ if shapes is None else f"arrays of {shapes}"
            raise Misconfigured(
                f"{reference} returned {what} for a span of {span.minutes} minutes; "
                f"it must return (heart_rate_bpm, resp_rate_bpm), each of shape ({span.minutes},)"
            )
        return np.asarray(returned[0], np.float64), np.asarray(returned[1], np.float64)

    return checked
