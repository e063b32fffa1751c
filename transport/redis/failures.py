"""Every way in which Redis does not do what it is asked, with the words for logs, metrics and people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from redis import exceptions
from redis.asyncio.sentinel import MasterNotFoundError as AsyncMasterNotFoundError
from redis.sentinel import MasterNotFoundError

from contracts.errors import Unavailable

Scope = Literal["server", "writes", "call"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One way of failing. `reason` is a metric label and stands in logs, `says` ends a sentence that begins with "it".

    `scope` is what it holds for, and so what shows that it is over: any answer (`server`), any write that is taken
    (`writes`), or only the very same call (`call`). `leave`: another server may do it, so this one's connection is closed.
    """

    reason: str
    says: str
    scope: Scope = "writes"
    leave: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether a server answered at all."""
        return self not in (UNREACHABLE, NO_PRIMARY)


UNREACHABLE: Final = Failure("unreachable", "does not answer", "server")
NO_PRIMARY: Final = Failure("no_primary", "has no primary that a Sentinel names, or no Sentinel answers", "server")
LOADING: Final = Failure("loading", "is still loading its data", "server")
BUSY: Final = Failure("busy", "is busy with a script", "server")
NO_LOGIN: Final = Failure("no_login", "does not take the user and password of REDIS_URL", "server")
READ_ONLY: Final = Failure("read_only", "is a replica, which takes no writes", leave=True)
NO_REPLICAS: Final = Failure("no_replicas", "has too few replicas to take writes (min-replicas-to-write)", leave=True)
FULL: Final = Failure("full", "is full (maxmemory) and takes no writes")
NOT_SAVING: Final = Failure("not_saving", "cannot save to its disk and takes no writes (MISCONF)")
CLUSTER: Final = Failure(
    "cluster",
    "is a Redis Cluster, which FedSecure cannot use: name one Redis, or Sentinels (redis+sentinel://)",
    "call",
)
NOT_ALLOWED: Final = Failure("not_allowed", "does not allow this to the user of REDIS_URL (ACL)", "call")
OTHER: Final = Failure("error", "answers with an error", "call")

FAILURES: Final = (
    UNREACHABLE, NO_PRIMARY, LOADING, BUSY, NO_LOGIN, READ_ONLY, NO_REPLICAS, FULL, NOT_SAVING, CLUSTER, NOT_ALLOWED, OTHER,
)  # fmt: skip

_OF_CLASS: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Failure], ...]] = (
    ((MasterNotFoundError, AsyncMasterNotFoundError), NO_PRIMARY),
    (exceptions.BusyLoadingError, LOADING),
    ((exceptions.AuthenticationError, exceptions.AuthenticationWrongNumberOfArgsError), NO_LOGIN),
    ((exceptions.ReadOnlyError, exceptions.MasterDownError), READ_ONLY),
    (exceptions.OutOfMemoryError, FULL),
    (exceptions.NoPermissionError, NOT_ALLOWED),
    ((exceptions.AskError, exceptions.ClusterDownError, exceptions.ClusterCrossSlotError, exceptions.TryAgainError), CLUSTER),
)  # fmt: skip

# What redis-py has no class for, and what a script was refused: Redis 6.2 hides the code in the middle of its text.
_OF_CODE: Final = {
    "READONLY": READ_ONLY, "MASTERDOWN": READ_ONLY, "NOREPLICAS": NO_REPLICAS, "OOM": FULL, "MISCONF": NOT_SAVING, "BUSY": BUSY,
    "LOADING": LOADING, "NOPERM": NOT_ALLOWED, "NOAUTH": NO_LOGIN, "WRONGPASS": NO_LOGIN, "MOVED": CLUSTER, "CLUSTERDOWN": CLUSTER,
}  # fmt: skip
_CODE: Final = re.compile(r"(?:^|-|error: )(" + "|".join(_OF_CODE) + r")\b")
_SCRIPT_NOT_ALLOWED: Final = "The user executing the script can't"
_SELECT_IN_CLUSTER: Final = "SELECT is not allowed in cluster mode"


class LeftServer(exceptions.ConnectionError):
    """The connection was closed because its server takes no writes now: the next one looks for the primary again.

    No ResponseError: a pipeline would go on to read from the closed connection.
    """


class RedisFailed(Unavailable):
    """Redis did not do what it was asked, for a known reason."""

    def __init__(self, what: str, failure: Failure, error: Exception) -> None:
        detail = f" ({type(error).__name__})" if failure in (UNREACHABLE, OTHER) else ""
        super().__init__(f"Redis does not {what}: it {failure.says}{detail}")
        self.failure = failure


def failure_of(error: Exception) -> Failure:
    """Return what an error of the client means."""
    # A Sentinel's connection hides that its server is a replica now, as ours does: both are raised while that is handled.
    hidden = error.__cause__ or error.__context__
    if isinstance(error, exceptions.ConnectionError) and isinstance(hidden, exceptions.ResponseError):
        failure = failure_of(hidden)
        if failure.leave:
            return failure
    for classes, failure in _OF_CLASS:
        if isinstance(error, classes):
            return failure
    if not isinstance(error, exceptions.ResponseError):
        return UNREACHABLE
    text = str(error)
    if code := _CODE.search(text):
        return _OF_CODE[code[1]]
    if _SELECT_IN_CLUSTER in text:
        return CLUSTER
    return NOT_ALLOWED if _SCRIPT_NOT_ALLOWED in text else OTHER
