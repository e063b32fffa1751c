"""A session holds for its time, in this console and the next of the same token, and nobody can make one."""

from __future__ import annotations

import pytest

from console.web.sessions import Sessions

TOKEN = "a-token-of-some-length"
LIFETIME_S = 3600.0


class Wall:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def sessions(wall: Wall) -> Sessions:
    return Sessions(TOKEN, LIFETIME_S, wall)


def test_a_session_holds_for_its_lifetime_and_no_longer(sessions, wall) -> None:
    session, cookie = sessions.begin()
    wall.now += LIFETIME_S - 1
    assert sessions.of(cookie) == session
    assert sessions.remaining_s(session) == 1
    wall.now += 1
    assert sessions.of(cookie) is None
    assert not sessions.holds(session)


def test_a_restart_keeps_sessions_and_another_token_ends_them(sessions, wall) -> None:
    session, cookie = sessions.begin()
    assert Sessions(TOKEN, LIFETIME_S, wall).of(cookie) == session
    assert Sessions(TOKEN + "2", LIFETIME_S, wall).of(cookie) is None


def test_a_session_that_was_ended_holds_no_more_and_no_other_is_touched(sessions) -> None:
    session, cookie = sessions.begin()
    _, other = sessions.begin()
    sessions.end(session)
    assert sessions.of(cookie) is None
    assert sessions.of(other) is not None


def test_sessions_that_are_over_anyway_are_not_remembered(sessions, wall) -> None:
    for _ in range(3):
        sessions.end(sessions.begin()[0])
        wall.now += LIFETIME_S
    assert len(sessions._ended) == 1


def test_no_change_to_a_cookie_is_taken(sessions, wall) -> None:
    _, cookie = sessions.begin()
    ident, ends, signature = cookie.split(".")
    forged = [
        f"{ident}.{int(ends) + 1}.{signature}", f"{ident}x.{ends}.{signature}", f"{ident}.{ends}.{signature[:-1]}", f"{ident}.{ends}.",
        f"{ident}.{ends}", cookie + ".", f"{ident}.0{ends}.{signature}x", f"{ident}.{'9' * 400}.{signature}", f"{ident}.²³.{signature}", "", "..", TOKEN,
        f"{ident}.{ends}.\udcff", f"\udcff.{ends}.{signature}", f"{ident}.-1.{signature}", f"{ident}.nan.{signature}",
    ]  # fmt: skip
    assert [one for one in forged if sessions.of(one) is not None] == []
    assert TOKEN not in cookie


def test_the_token_is_told_from_all_others(sessions) -> None:
    assert sessions.is_token(TOKEN)
    for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\udcff", "ä" * 100_000):
        assert not sessions.is_token(wrong)
