"""`python -m fedsecure`: the same command without its script on the PATH."""

from __future__ import annotations

from fedsecure.cli import main

if __name__ == "__main__":
    main()
