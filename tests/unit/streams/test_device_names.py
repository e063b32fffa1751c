"""Whose a record is."""

from __future__ import annotations

import pytest

from contracts.configuration.settings import Settings
from streams.vitals_records import DeviceNames


def test_in_a_topic_of_its_own_the_topic_says_it_whatever_the_key():
    names = DeviceNames(Settings(prefix="t"))
    assert names.device_of("t.vitals.v1.p1", b"p2") == "p1"


@pytest.mark.parametrize("key", [None, b"", b"P1", b"../etc", b"p1\n", b"\xff", b"x" * 64])
def test_in_the_shared_topic_a_key_that_is_no_device_id_is_nobodys(key):
    names = DeviceNames(Settings(prefix="t", topic_layout="shared"))
    assert names.device_of("t.vitals.v1", b"p1") == "p1"
    assert names.device_of("t.vitals.v1", key) == ""
