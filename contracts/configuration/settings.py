"""Every setting of every program, read from the environment (prefix FEDSECURE_) once at start."""

from __future__ import annotations

from typing import Any, Self

from pydantic import AliasChoices, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from contracts.configuration.pairs import misfits
from contracts.configuration.parts import AllParts
from contracts.errors import Misconfigured


class Settings(AllParts):
    """All programs' settings, of which each reads what it needs. Raises Misconfigured naming each wrong variable."""

    model_config = SettingsConfigDict(
        env_prefix="FEDSECURE_",
        frozen=True,
        populate_by_name=True,
        extra="ignore",
        allow_inf_nan=False,
        env_ignore_empty=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_sentence(cls, values: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            settings = check(values)
        except ValidationError as error:
            raise Misconfigured("; ".join(map(_sentence, error.errors(include_input=False)))) from None
        if wrong := misfits(settings):
            raise Misconfigured("; ".join(wrong))
        return settings


def _sentence(error: ErrorDetails) -> str:
    """Return what is wrong with one variable, without its value. Our own checks begin with a verb."""
    variable = variable_of(error["loc"][0])
    if error["type"] == "value_error":
        return f"{variable} {error['ctx']['error']}"
    return f"{variable}: {error['msg']}"


def variable_of(name: int | str) -> str:
    """Return the environment variable of a field. A field with a name of its own comes under that already."""
    text = str(name)
    alias = Settings.model_fields[text].validation_alias if text in Settings.model_fields else None
    if isinstance(alias, AliasChoices):
        text = str(alias.choices[0])
    return text if text.isupper() else f"FEDSECURE_{text.upper()}"
