"""`python -m fedsecure.demo.programs.guard`: ends the demo's programs when the demo is gone, by SIGKILL even.

It reads `<pid> <creation time>` lines, one a program. The end of its input is the end of the demo, however that came:
the kernel closes the pipe. Programs that a demo has ended by itself are not there to be found any more.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable

from fedsecure.local_stack.processes import ProcessId, signal_group, stop

GRACE_S = 3.0


def guard(lines: Iterable[str]) -> None:
    """Block until the lines end, then end every named process that still runs, and its group."""
    named = [ProcessId(int(pid), float(created_at_s)) for pid, created_at_s in map(str.split, lines)]
    running = [process_id for process_id in named if process_id.find() is not None]
    for process_id in running:
        signal_group(process_id.pid, signal.SIGTERM)
    for process_id in running:
        stop(process_id, GRACE_S)
        signal_group(process_id.pid, signal.SIGKILL)


if __name__ == "__main__":
    guard(sys.stdin)
