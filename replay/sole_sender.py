"""Sees to it that one replay sends a device: two would send it two sessions in turn, of which each voids the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from threading import Event, Thread

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from transport.claims import CLAIM_S, PATIENCE_S, RENEWALS_A_TERM, Claims, claims_client
from transport.clock import Clock

log = structlog.get_logger()


@contextmanager
def sole_sender(settings: Settings, device_ids: Sequence[str], clock: Clock, stop: Event) -> Iterator[None]:
    """Hold the devices for the block. Raises Misconfigured when another replay sends one of them, at its end if it came so.

    It waits out the claim of a replay that crashed. Then `stop` is set, which must end the block soon. A replay needs no Redis:
    where none answers, it is not known whether there is another.
    """
    with closing(claims_client(settings)) as client:
        holding = _Holding(
            Claims(client, "replay"), {settings.redis_keys.replay(name): name for name in device_ids}, stop
        )
        holding.take(clock)
        ended = Event()
        renewing = Thread(target=holding.keep, args=[ended], daemon=True, name="sole-sender")
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            holding.release()
        if holding.lost:
            raise Misconfigured(_taken(holding.lost))


class _Holding:
    def __init__(self, claims: Claims, device_of: dict[str, str], stop: Event) -> None:
        self._claims = claims
        self._device_of = device_of
        self._stop = stop
        self.lost: list[str] = []

    def take(self, clock: Clock) -> None:
        give_up_at = clock.monotonic() + PATIENCE_S
        while taken := self._taken_elsewhere():
            if clock.monotonic() > give_up_at or self._stop.is_set():
                self.release()
                raise Misconfigured(_taken(taken))
            clock.sleep(CLAIM_S / RENEWALS_A_TERM)

    def keep(self, ended: Event) -> None:
        """Renew until ended. A replay that slept may have lost a device to a later one: it stops."""
        while not ended.wait(CLAIM_S / RENEWALS_A_TERM) and not self.lost:
            if taken := self._taken_elsewhere():
                self.lost = taken
                self._stop.set()

    def release(self) -> None:
        with suppress(Unavailable):
            self._claims.release(list(self._device_of))

    def _taken_elsewhere(self) -> list[str]:
        try:
            return [self._device_of[key] for key in self._claims.hold(list(self._device_of))]
        except Unavailable as error:
            log.debug("other_replays_not_known", reason=str(error))
            return []


def _taken(devices: Sequence[str]) -> str:
    first = min(devices)
    more = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"another replay sends {first}{more}: wait for its end, or send the recordings as other devices (--repeat 2 adds {first}-r2)"
