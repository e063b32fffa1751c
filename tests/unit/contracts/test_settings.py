"""A wrong variable is named with what would be right, and nothing secret is repeated."""

from __future__ import annotations

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured


def test_every_wrong_variable_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDSECURE_ROUND_QUORUM", "three")
    monkeypatch.setenv("FEDSECURE_TOPIC_LAYOUT", "mixed")
    with pytest.raises(Misconfigured) as wrong:
        Settings()
    assert "FEDSECURE_ROUND_QUORUM: Input should be a valid integer" in str(wrong.value)
    assert "FEDSECURE_TOPIC_LAYOUT: Input should be 'per-patient' or 'shared'" in str(wrong.value)
    assert "three" not in str(wrong.value)


def test_the_decision_rule_is_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().rule == "common-scale"
    monkeypatch.setenv("FEDSECURE_RULE", "paper-fig3")
    assert Settings().rule == "paper-fig3"
    monkeypatch.setenv("FEDSECURE_RULE", "fig3")
    with pytest.raises(Misconfigured, match="FEDSECURE_RULE: Input should be 'common-scale' or 'paper-fig3'"):
        Settings()
