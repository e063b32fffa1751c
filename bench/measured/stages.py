"""What a worker does with a message between two sockets, stage by stage, in one thread without any of them."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Final

from bench.measured.judging import enrolled_engine
from bench.ward import BEFORE_MIN, Ward, device_name
from contracts.messages.verdicts import encode_verdict
from contracts.messages.vitals import decode_vitals, encode_vitals
from detectors.engine.chunks import chunk_of
from streams.scoring.records import next_status, score_batches
from streams.state.devices import DeviceContext

MOST_MESSAGES: Final = 512


def stage_us(ward: Ward, pack: int, minutes: int = 96) -> dict[str, float]:
    """Return microseconds of processor time a minute for decoding, judging, and making and encoding the records.

    Batches of at most 512 messages of different devices, as a worker that lags behind takes them.
    """
    engine = enrolled_engine(ward)
    contexts = [DeviceContext(device_name(device), 1, 0) for device in range(ward.devices)]
    spent: defaultdict[str, float] = defaultdict(float)
    first = BEFORE_MIN
    for start in range(first, first + minutes, pack):
        values = [encode_vitals(message) for message in ward.messages(start, start + pack, sent_at=0.0)]
        began = time.process_time()
        batches = [decode_vitals(value, expected_device_id=device_name(n)) for n, value in enumerate(values)]
        decoded = time.process_time()
        verdicts = engine.apply([chunk_of(batch) for batch in batches])
        judged = time.process_time()
        for context, applied in zip(contexts, verdicts, strict=True):
            snapshot = engine.snapshot(context.device_id)
            context.status = next_status(
                context, snapshot, [applied], reason=applied.reason, bundle_sha=engine.bundle_sha, worker_id="bench"
            )
            encode_verdict(context.status)
            for batch in score_batches(context, [applied], engine.bundle_sha):
                encode_verdict(batch)
        spent["decoding"] += decoded - began
        spent["judging"] += judged - decoded
        spent["records"] += time.process_time() - judged
    return {stage: seconds / (ward.devices * minutes) * 1e6 for stage, seconds in spent.items()}
