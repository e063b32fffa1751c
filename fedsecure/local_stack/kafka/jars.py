"""The broker's jars: fetched once into the user's cache, compared with the lock before every start."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import Misconfigured, Unavailable

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")
DOWNLOADS_AT_ONCE = 6

Announce = Callable[[str], None]
AddBytes = Callable[[int], None]
Fetch = Callable[["LockedJar", Path, AddBytes], Path]
"""Downloads one jar into a folder and returns its path; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One jar as the lock holds it."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def flaw(self, path: Path) -> str | None:
        """Return what is wrong with the file at `path`, None if it is the locked jar. Reads it whole."""
        if not path.is_file():
            return "missing"
        size_bytes = path.stat().st_size
        if size_bytes < self.size_bytes:
            return f"cut: {size_bytes} of {self.size_bytes} bytes"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return None if digest == self.sha256 else f"corrupt: its sha256 is {digest[:12]}…, not {self.sha256[:12]}…"


def read_lock(path: Path = LOCK_FILE) -> tuple[LockedJar, ...]:
    """Return the locked jars. A line is `sha256 bytes group:artifact:version`. Raises Misconfigured."""
    jars = []
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        try:
            sha256, size_bytes, coordinate = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(LockedJar(group, artifact, version, sha256, int(size_bytes)))
        except ValueError:
            raise Misconfigured(f"{path.name}: this line is no `sha256 bytes group:artifact:version`: {line}") from None
    return tuple(jars)


def jar_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that keeps the jars between projects: `$XDG_CACHE_HOME/fedsecure/kafka-jars`."""
    home = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "fedsecure" / "kafka-jars"


def ensure_jars(folder: Path, jars: Sequence[LockedJar], announce: Announce, fetch: Fetch | None = None) -> list[Path]:
    """Return the paths of all locked jars, each compared with the lock. Fetches what is missing or damaged.

    Blocks (about 0.1 s when all are there). A damaged jar is named and fetched anew; raises Unavailable, with the way
    out, when it cannot be had as locked after two tries.
    """
    flaws = {jar: flaw for jar in jars if (flaw := jar.flaw(folder / jar.file_name))}
    for jar, flaw in flaws.items():
        if flaw != "missing":
            announce(f"{folder / jar.file_name} is {flaw}; fetching it again")
    if flaws:
        _fetch_all(folder, list(flaws), announce, fetch or fetch_with_jgo)
    return [folder / jar.file_name for jar in jars]


def _fetch_all(folder: Path, jars: Sequence[LockedJar], announce: Announce, fetch: Fetch) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        room = tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder)
    except OSError as error:
        raise Unavailable(
            f"cannot write to {folder} ({error.strerror}): set XDG_CACHE_HOME to a folder that can"
        ) from None
    total_bytes = sum(jar.size_bytes for jar in jars)
    announce(f"downloading Apache Kafka once: {len(jars)} jars, {total_bytes / 1e6:.0f} MB, to {folder}")
    with room as incoming, download_progress(total_bytes) as add_bytes, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        downloads = [pool.submit(_fetch_one, folder, jar, Path(incoming), add_bytes, fetch) for jar in jars]
        try:
            for download in downloads:
                download.result()
        except BaseException:
            # Ctrl-C and the first failure must not wait for the jars still in the queue.
            pool.shutdown(cancel_futures=True)
            raise


def _fetch_one(folder: Path, jar: LockedJar, incoming: Path, add_bytes: AddBytes, fetch: Fetch) -> None:
    flaw = None
    for _attempt in range(2):
        path = fetch(jar, incoming, add_bytes)
        flaw = jar.flaw(path)
        if flaw is None:
            path.replace(folder / jar.file_name)
            return
        path.unlink(missing_ok=True)  # jgo takes a file that is there for good
    raise Unavailable(
        f"{jar.file_name} came {flaw}, twice. It was changed on the way (a proxy?): run the command again; if it stays "
        f"so, put the jar ({jar.group}:{jar.artifact}:{jar.version}) into {folder} by hand"
    )


def fetch_with_jgo(jar: LockedJar, incoming: Path, add_bytes: AddBytes) -> Path:
    """Download one jar through jgo into a repository cache under `incoming`. Raises Unavailable."""
    import requests
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def count(_name: str, _total_bytes: int) -> Iterator[AddBytes]:
        yield add_bytes

    context = MavenContext(PythonResolver(progress_callback=count), repo_cache=incoming, local_repos=[], timeout=30)
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        return Path(component.artifact().resolve())
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise Unavailable(
            f"cannot download {jar.file_name} ({getattr(error, 'strerror', None) or type(error).__name__}): check the network (a proxy is taken from "
            f"HTTPS_PROXY), or set KAFKA_BOOTSTRAP_SERVERS to a broker that runs already"
        ) from error


@contextmanager
def download_progress(total_bytes: int) -> Iterator[AddBytes]:
    """Show a progress bar on a terminal's standard error, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    console = Console(stderr=True)
    columns = ("Apache Kafka", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("jars", total=total_bytes)
        yield lambda count: progress.advance(task, count)
