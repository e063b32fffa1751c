"""Which signed updates were seen already, so that one that was recorded and sent again is called what it is.

Memory is enough. What keeps a replay out for good is in the signed bytes: the round, the lease token and the base model. An
update of another round, of another coordinator or from another model is refused by those, whatever is remembered. So after a
restart only an update of the round that is collected again could come twice. It is then the very answer that the device gave
to this invitation, with the same weights: it counts once, as updates are idempotent on (round, device); it passes the gate
and the key ring anew; and one that was refused for its content is refused for it again. Sending it again gains nothing.
"""

from __future__ import annotations

from contracts.federation import ModelUpdate
from fl_coordinator.errors import UpdateRefused


class SeenNonces:
    """The nonces of this round's and the last round's signed updates, a device each."""

    def __init__(self) -> None:
        self._now: set[tuple[str, str]] = set()
        self._before: set[tuple[str, str]] = set()

    def refuse_seen(self, sender_id: str, update: ModelUpdate) -> None:
        """Raise UpdateRefused for an update with a nonce that a signed update on this device's topic had."""
        mark = (sender_id, update.nonce)
        if mark in self._now or mark in self._before:
            raise UpdateRefused(
                "replayed", f"an update with this nonce came before (round {update.round})", is_bad=True
            )

    def remember(self, update: ModelUpdate) -> None:
        """Note an update whose signature was good; no other is, or a forger could use up a device's nonces."""
        self._now.add((update.device_id, update.nonce))

    def next_round(self) -> None:
        """Forget all but the round that has just ended."""
        self._before, self._now = self._now, set()
