"""A device's name as its messages give it: the last one counts, and a change within a session is told."""

from __future__ import annotations

import structlog

from contracts.metrics import LABEL_CHANGES
from contracts.vitals import VitalsBatch
from detectors.engine.chunks import Verdicts
from streams.held_device import HeldDevice

log = structlog.get_logger()


def take_label(device: HeldDevice, batch: VitalsBatch, verdicts: Verdicts) -> None:
    """Note the name that an applied message gives; `verdicts` are those on it.

    A session begins without a name. A message without one says nothing of it, and one of an earlier session is not heard.
    Within a session a bed may be renamed, but two names in turn are two monitors of one id: each change is counted, the
    first of a session is logged.
    """
    if batch.session_id != verdicts.session_id:
        return
    if verdicts.session_opened:
        device.label, device.label_changed = batch.label, False
        return
    if batch.label is None or batch.label == device.label:
        return
    if device.label is not None:
        LABEL_CHANGES.inc()
        if not device.label_changed:
            log.warning("device_label_changed", device=device.device_id, before=device.label, after=batch.label)
        device.label_changed = True
    device.label = batch.label
