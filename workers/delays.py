"""How long a failed job waits for its next attempt. Pure."""

from __future__ import annotations

import random

from workers.errors import ErrorClass, Failure

_BASE_DELAY_S = {ErrorClass.THROTTLED: 60.0, ErrorClass.NETWORK: 5.0, ErrorClass.DISK: 30.0}
_MAX_DELAY_S = 3600.0
_LONGEST_WISH_S = 86400.0
_JITTER = 0.25
LONGEST_OWN_S = _MAX_DELAY_S * (1 + _JITTER)  # of what no site asked for
LONGEST_S = max(LONGEST_OWN_S, _LONGEST_WISH_S)


def retry_delay_s(failure: Failure, failures: int, chance: random.Random) -> float:
    """Seconds to wait before the next attempt: doubling with each failure, capped, with +-25 % jitter.

    What the site asked for (Retry-After) is a lower bound, up to a day. `failures` counts this one, from 1.
    """
    base = _BASE_DELAY_S.get(failure.error_class, 2.0)
    delay = min(base * 2.0 ** min(failures - 1, 16), _MAX_DELAY_S) * chance.uniform(1 - _JITTER, 1 + _JITTER)
    return max(delay, min(failure.retry_after_s or 0.0, _LONGEST_WISH_S))
