"""A text's blocks of results are found by their markers, and each stands once."""

from __future__ import annotations

import pytest

from contracts.errors import Misconfigured
from fedsecure.report.refresh import with_block


def test_a_block_is_replaced_between_its_markers_and_must_stand_once():
    text = "a <!-- x: begin -->old\n<!-- x: end --> b"
    new = with_block(text, "x", "new \\1")
    assert new == "a <!-- x: begin -->new \\1<!-- x: end --> b"
    assert with_block(new, "x", "old\n") == text
    for wrong in ("", text + text, "<!-- x: begin -->"):
        with pytest.raises(Misconfigured, match="must stand once"):
            with_block(wrong, "x", "new")
