"""No bytes make a reader of statuses, scores or federation messages raise anything but InvalidMessage."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InvalidMessage
from contracts.messages.federation import FlEvent, GlobalModel, ModelUpdate, RoundRecord, decode_federation
from contracts.messages.verdicts import decode_scores, decode_status

DECODERS = [
    decode_status,
    decode_scores,
    *(partial(decode_federation, kind) for kind in (RoundRecord, ModelUpdate, GlobalModel, FlEvent)),
]


@pytest.mark.parametrize("decode", DECODERS)
def test_a_message_nested_without_end_is_invalid_and_not_a_crash(decode):
    with pytest.raises(InvalidMessage):
        decode(b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize("decode", DECODERS)
@given(value=st.binary(max_size=100))
def test_no_bytes_raise_anything_else(decode, value):
    with pytest.raises(InvalidMessage):
        decode(value)
