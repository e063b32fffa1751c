"""Settings that cannot go together: each pair is refused at the start, in a sentence that names both variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from contracts.configuration.addresses import parse_redis
from contracts.configuration.parts import AllParts


def misfits(settings: AllParts) -> list[str]:
    """Return a sentence for each pair that cannot work together."""
    return [said for check in _CHECKS if (said := check(settings)) is not None]


def _redis_tls(settings: AllParts) -> str | None:
    if settings.redis_ca_file is None or parse_redis(settings.redis_url).is_tls:
        return None
    return "FEDSECURE_REDIS_CA_FILE is for TLS and REDIS_URL has none: write rediss:// there, or unset FEDSECURE_REDIS_CA_FILE"


def _kafka_tls(settings: AllParts) -> str | None:
    if settings.kafka_ca_file is None or settings.kafka_security_protocol.endswith("SSL"):
        return None
    return (
        f"FEDSECURE_KAFKA_CA_FILE is for TLS and FEDSECURE_KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}: "
        "set that to SSL or SASL_SSL, or unset FEDSECURE_KAFKA_CA_FILE"
    )


def _kafka_login(settings: AllParts) -> str | None:
    given = {
        "FEDSECURE_KAFKA_USERNAME": bool(settings.kafka_username),
        "FEDSECURE_KAFKA_PASSWORD": settings.kafka_password is not None,
    }
    wanted = settings.kafka_security_protocol.startswith("SASL")
    wrong = [name for name, is_given in given.items() if is_given != wanted]
    if not wrong:
        return None
    so = "needs it" if wanted else "logs nobody in: SASL_SSL or SASL_PLAINTEXT does"
    state = "is not set" if wanted else "is set"
    return (
        f"{' and '.join(wrong)} {state} and FEDSECURE_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} {so}"
    )


def _round_sizes(settings: AllParts) -> str | None:
    target, quorum = settings.round_target, settings.round_quorum
    if target is None or target >= quorum:
        return None
    return (
        f"FEDSECURE_ROUND_TARGET is {target} and FEDSECURE_ROUND_QUORUM is {quorum}: a round would end with too few answers every time; "
        "raise the target or lower the quorum"
    )


def _noise_without_clip(settings: AllParts) -> str | None:
    if settings.dp_noise == 0 or settings.dp_clip is not None:
        return None
    return "FEDSECURE_DP_NOISE is measured in clips: set FEDSECURE_DP_CLIP (--dp-clip) too"


def _worker_times(settings: AllParts) -> str | None:
    if settings.batch_wait_s < settings.session_timeout_s:
        return None
    return (
        f"FEDSECURE_BATCH_WAIT_S is {settings.batch_wait_s:g} and FEDSECURE_SESSION_TIMEOUT_S is {settings.session_timeout_s:g}: a worker "
        "would lose its devices while it waits for a batch; wait for less"
    )


def _batch_and_stale(settings: AllParts) -> str | None:
    if settings.batch_wait_s < settings.stale_cap_s:
        return None
    return (
        f"FEDSECURE_BATCH_WAIT_S is {settings.batch_wait_s:g} and FEDSECURE_STALE_CAP_S is {settings.stale_cap_s:g}: every device would be "
        "stale before it is judged; wait for less"
    )


def _two_tokens(settings: AllParts) -> str | None:
    if settings.console_token is None or settings.console_token_file is None:
        return None
    return "FEDSECURE_CONSOLE_TOKEN and FEDSECURE_CONSOLE_TOKEN_FILE are both set: keep one"


def _console_tls(settings: AllParts) -> str | None:
    if (settings.console_tls_cert_file is None) == (settings.console_tls_key_file is None):
        return None
    return "FEDSECURE_CONSOLE_TLS_CERT_FILE and FEDSECURE_CONSOLE_TLS_KEY_FILE go together: set both, or neither"


_CHECKS: Final[tuple[Callable[[AllParts], str | None], ...]] = (
    _redis_tls, _kafka_tls, _kafka_login, _round_sizes, _noise_without_clip, _worker_times, _batch_and_stale, _two_tokens, _console_tls,
)  # fmt: skip
