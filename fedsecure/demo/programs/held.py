"""`python -m fedsecure.demo.programs.held COMMAND…`: a `fedsecure` command that loads at once and begins when it is told to.

The replay's libraries take seconds to load; the demo lets them load while the workers do, and sends a line when they are ready.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

PRELOADED: Final = ("wfdb", "replay.program", "replay.demo_records", "replay.sources.synthetic", "rich.live")


def main() -> None:
    """Load, wait for a line on standard input, run the command. Without a line, because the demo is gone, just end."""
    from fedsecure.cli import main as run

    for module in PRELOADED:
        import_module(module)
    if sys.stdin.readline():
        run()


if __name__ == "__main__":
    main()
