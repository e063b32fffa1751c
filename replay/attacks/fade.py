"""How an attack fades in: the share of it that is in force grows minute by minute."""

from __future__ import annotations

import numpy as np

from replay.recording import Vitals


def faded_in(original: Vitals, altered: Vitals, share: Vitals, chance: Vitals) -> Vitals:
    """Return the mix of a span's values that has reached `share` (0..1) of the attack at each minute.

    A gap cannot come in by halves: it comes as a whole when the `chance` of its first minute, uniform in 0..1, is below
    the share by then.

    >>> faded_in(np.full(3, 80.0), np.full(3, 90.0), np.array([0.0, 0.5, 1.0]), np.zeros(3)).tolist()
    [80.0, 85.0, 90.0]
    """
    mixed = original + share * (altered - original)
    lost = np.isnan(altered) & ~np.isnan(original)
    if not lost.any():
        return mixed
    begins = lost & ~np.concatenate([[False], lost[:-1]])
    comes = (chance < share)[begins]
    return np.where(lost & ~comes[np.cumsum(begins) - 1], original, mixed)
