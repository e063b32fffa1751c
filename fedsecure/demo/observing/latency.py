"""From the sender's clock to the status in Redis, for every message of a run.

A worker publishes the status record right after Redis has taken the status, so the record's timestamp (the worker's
clock, milliseconds) bounds the true latency from above by that one send. Sender and worker share this machine's clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from fedsecure.demo.observing.observation import Sent, Standing


def latency_samples_s(sent: Sequence[Sent], standings: Sequence[Standing]) -> list[float]:
    """Return one latency (seconds, >= 0) for each message whose last minute stands in a status."""
    samples: list[float] = []
    for device_id in sorted({message.device_id for message in sent}):
        own = [standing for standing in standings if standing.device_id == device_id]
        # applied_through never falls in effect; a re-published older status must not break the search.
        through = list(accumulate((standing.applied_through for standing in own), max))
        for message in sent:
            if message.device_id != device_id:
                continue
            index = bisect_left(through, message.last_event_minute)
            if index < len(own):
                samples.append(max(0.0, own[index].at - message.sent_at))
    return samples


def percentile(samples: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile (`share` in 0..1), None without samples."""
    if not samples:
        return None
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
