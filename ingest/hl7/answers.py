"""The acknowledgement of a message: AA taken, AE not now or not so, AR never; with the control id and the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

from ingest.hl7.message import Header

Code = Literal["AA", "AE", "AR"]
LONGEST_ECHO: Final = 199
LONGEST_TEXT: Final = 250
_ESCAPES: Final = str.maketrans({"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "\\": "\\E\\", "&": "\\T\\"})


def acknowledge(header: Header | None, code: Code, text: str, now_s: float) -> bytes:
    """Return the answer to a message (`header` None: it had none that could be read); `now_s` in epoch seconds.

    Of the message it holds the control id and, unless it is rejected, the names of sending and receiving application.
    """
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%d%H%M%S+0000")
    control_id = _echo(header.control_id) if header else ""
    known = (
        header if code != "AR" else None
    )  # in a header that is none a patient's name may stand where a program's does
    ours = tuple(map(_echo, known.receiver)) if known and known.receiver[0] else ("FEDSECURE", "")
    theirs = tuple(map(_echo, known.sender)) if known else ("", "")
    version = _echo(header.version) if header and header.version else "2.6"
    own_id = _echo(f"A{control_id}")
    lines = (
        f"MSH|^~\\&|{ours[0]}|{ours[1]}|{theirs[0]}|{theirs[1]}|{at}||ACK^R01^ACK|{own_id}|P|{version}",
        f"MSA|{code}|{control_id}" + (f"|{text.translate(_ESCAPES)[:LONGEST_TEXT]}" if text else ""),
    )
    return ("\r".join(lines) + "\r").encode("utf-8", "replace")


def _echo(value: str) -> str:
    """Return a field of the message as it may stand in an answer: printable, short, in our delimiters."""
    return "".join(character for character in value if character.isprintable() and character != "|")[:LONGEST_ECHO]
