"""Run the tests in two parts: unit tests on every core, then those that start servers and programs, two files at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

UNIT = Path("tests/unit")
SERVERS = ("tests/integration", "tests/e2e")
# Halves of the list, dealt out anew at the end: a module's fixtures are made once or twice.
PARALLEL = ("--numprocesses", "logical", "--dist", "worksteal")
# They wait more than they work. Each of the two has a Kafka and a Redis of its own, which a test may kill.
TWO_FILES = ("--numprocesses", "2", "--dist", "loadfile")
GOES_ON = (0, 1, 5)  # passed, failed, nothing selected


def parts_of(arguments: list[str]) -> list[list[str]]:
    """Return the arguments of each pytest run: the paths among them divided, the options in both."""
    paths = [word for word in arguments if word.startswith("tests") and Path(word.partition("::")[0]).exists()]
    options = [word for word in arguments if word not in paths]
    chosen = paths or [str(UNIT), *SERVERS]
    unit = [path for path in chosen if Path(path.partition("::")[0]).is_relative_to(UNIT)]
    servers = [path for path in chosen if path not in unit]
    return [[*given, *options, *part] for part, given in ((unit, PARALLEL), (servers, TWO_FILES)) if part]


def status_of(statuses: list[int]) -> int:
    """Return the exit status of all runs together; a run that selects nothing counts only where no other selects any."""
    ran = [status for status in statuses if status != 5]
    return max(ran, default=5)


def main() -> int:
    """Run the parts until one cannot go on."""
    statuses: list[int] = []
    for part in parts_of(sys.argv[1:]):
        statuses.append(subprocess.run([sys.executable, "-m", "pytest", *part], check=False).returncode)
        if statuses[-1] not in GOES_ON:
            break
    return status_of(statuses)


if __name__ == "__main__":
    sys.exit(main())
