"""`python -m fedsecure.local_stack.guard`: ends a stack's servers when the process they belong to is gone.

A demo that is killed by SIGKILL cannot clean up after itself; this small process, which watches it, can.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from fedsecure.local_stack.processes import ProcessId
from fedsecure.local_stack.stack import LocalStack

POLL_S = 0.5


def watch(owner: ProcessId, state_dir: Path) -> None:
    """Block until the owner is gone, then end its servers."""
    while owner.find() is not None:
        time.sleep(POLL_S)
    LocalStack(state_dir, environ={}).down_owned_by(owner)


if __name__ == "__main__":
    watch(ProcessId(int(sys.argv[1]), float(sys.argv[2])), Path(sys.argv[3]))
