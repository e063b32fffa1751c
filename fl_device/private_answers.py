"""Makes a host's answers private as its settings say, and keeps on record what they have given away at most."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import structlog

from contracts.settings import Settings
from fl_device.privacy_accounting import DELTA, epsilon
from fl_device.update_privacy import privacy_of, secret_generator
from transport.weights import Weights

log = structlog.get_logger()


class PrivateAnswers:
    """Changes nothing unless FEDSECURE_DP_CLIP is set; raises Misconfigured for settings that make no sense."""

    def __init__(self, settings: Settings, generator: Callable[[], np.random.Generator] = secret_generator) -> None:
        self._privacy = privacy_of(settings.dp_clip, settings.dp_noise)
        self._generator = generator

    def sent(self, device_id: str, round_number: int, trained: Weights, base: Weights) -> Weights:
        """Return what leaves the device instead of `trained`; to be called once a round, as a second draw would give more away.

        Noisy answers are accounted for: a device answers a round once at most, and rounds count from one, so that a round's number
        bounds how often it answered, before a restart too.
        """
        if self._privacy is None:
            return trained
        if self._privacy.noise > 0:
            spent = epsilon(self._privacy.noise, round_number)
            log.info("privacy_spent", round=round_number, device_id=device_id, epsilon_at_most=spent, delta=DELTA)
        return self._privacy.applied(trained, base, self._generator())
