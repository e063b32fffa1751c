"""`python -m fedsecure.local_stack.kafka.relock`: resolve Kafka's jars anew and write the lock (for a version bump)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import typer

from fedsecure.local_stack.kafka.jars import LOCK_FILE, LockedJar

COORDINATES = [
    "org.apache.kafka:kafka_2.13:4.1.2",
    # The "!" keeps log4j's parent POM from managing everybody's versions: without it Kafka gets clients of 3.9.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3!",
]
HEADER = """\
# The jars of the local broker: sha256, bytes, group:artifact:version. Compared before Java starts.
# Written by `python -m fedsecure.local_stack.kafka.relock`; do not edit by hand.
"""


def resolve(workspace: Path) -> list[LockedJar]:
    """Return all jars that the coordinates need, downloaded into `workspace`. Blocks for half a minute."""
    from jgo.env import EnvironmentBuilder, EnvironmentSpec
    from jgo.maven import MavenContext, PythonResolver

    # jgo takes a jgo.toml in the current folder for a project of its own: stand where there is none.
    os.chdir(workspace)
    context = MavenContext(PythonResolver(), repo_cache=workspace / "repository", timeout=30)
    builder = EnvironmentBuilder(context, cache_dir=workspace / "environments")
    environment = builder.from_spec(EnvironmentSpec(name="kafka", coordinates=COORDINATES))
    path_of = {path.name: path for path in environment.all_jars}
    assert environment.lockfile is not None
    artifacts = [(each.groupId, each.artifactId, each.version) for each in environment.lockfile.dependencies]
    return [
        LockedJar(group, artifact, version, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
        for group, artifact, version in artifacts
        if (path := path_of.get(f"{artifact}-{version}.jar"))
    ]


def main() -> None:
    """Write the lock."""
    with tempfile.TemporaryDirectory() as folder:
        jars = sorted(resolve(Path(folder)), key=lambda jar: (jar.group, jar.artifact))
    lines = [f"{jar.sha256} {jar.size_bytes:>9} {jar.group}:{jar.artifact}:{jar.version}\n" for jar in jars]
    LOCK_FILE.write_text(HEADER + "".join(lines))
    typer.echo(f"wrote {len(jars)} jars to {LOCK_FILE}")


if __name__ == "__main__":
    main()
