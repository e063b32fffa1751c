"""When certificates expire is shown for every file that a program uses, and a renewed one is taken while it runs."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import ssl
import time
from pathlib import Path

import pytest
from certificate_authority import Authority, Pair

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.metrics import OF_PROGRAM, registry_of
from transport.certificates.expiry import CertificateFile, certificate_files, measure_certificates
from transport.certificates.server import ServerCertificate

DAY_S = 86_400.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "site", days=300)


def in_days(file: Path) -> float | None:
    expires_at = CertificateFile("V", file).expires_at()
    return None if expires_at is None else round((expires_at - time.time()) / DAY_S)


def test_a_file_expires_with_the_first_of_its_certificates(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("console", days=20)
    assert in_days(authority.file) == 300
    assert in_days(pair.cert) == 20
    chain = tmp_path / "chain.pem"
    chain.write_bytes(authority.file.read_bytes() + pair.cert.read_bytes())
    assert in_days(chain) == 20
    assert in_days(authority.issue("old", days=-3).cert) == -3


@pytest.mark.parametrize(
    "content", [None, b"", b"\x00\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_of_a_file_that_holds_no_certificate_nothing_is_said(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.pem"
    if content is not None:
        file.write_bytes(content)
    assert in_days(file) is None


def test_every_program_watches_the_files_that_it_uses_and_what_it_is_told_to() -> None:
    settings = Settings(
        kafka_ca_file=Path("k.pem"), kafka_security_protocol="SSL", redis_ca_file=Path("r.pem"), redis_url="rediss://h",
        console_tls_cert_file=Path("c.crt"), console_tls_key_file=Path("c.key"), ingest_tls_cert_file=Path("i.crt"),
        ingest_tls_key_file=Path("i.key"), ingest_tls_client_ca_file=Path("g.pem"), watched_cert_files=("broker.crt", "redis.crt"),
    )  # fmt: skip
    everywhere = {"k.pem", "r.pem", "broker.crt", "redis.crt"}
    more = {"console": {"c.crt"}, "ingest": {"i.crt", "g.pem"}}
    for program in OF_PROGRAM:
        found = {str(file.path) for file in certificate_files(settings, program)}
        assert found == everywhere | more.get(program, set()), program
    assert {file.variable for file in certificate_files(settings, "worker")} == {
        "FEDSECURE_KAFKA_CA_FILE", "FEDSECURE_REDIS_CA_FILE", "FEDSECURE_WATCHED_CERT_FILES",
    }  # fmt: skip
    assert certificate_files(Settings(), "console") == []


def test_every_setting_of_a_certificate_is_watched_by_some_program() -> None:
    named = {name for name in Settings.model_fields if "cert" in name or "_ca_" in name}
    settings = Settings.model_construct(**dict.fromkeys(named, Path("x")))
    seen = {file.variable for program in OF_PROGRAM for file in certificate_files(settings, program)}
    assert {f"FEDSECURE_{name.upper()}" for name in named} == seen


@pytest.mark.parametrize("program", OF_PROGRAM)
def test_each_program_shows_the_time_that_is_left_as_it_is_when_asked(authority: Authority, program) -> None:
    now = [time.time()]
    settings = Settings(kafka_security_protocol="SSL", kafka_ca_file=authority.file)
    measure_certificates(settings, program, lambda: now[0])
    registry = registry_of(program)

    def shown() -> float:
        labels = {"setting": "FEDSECURE_KAFKA_CA_FILE", "file": str(authority.file)}
        value = registry.get_sample_value("fedsecure_certificate_expires_in_seconds", labels)
        assert value is not None
        return value

    assert shown() == pytest.approx(300 * DAY_S, abs=60)
    now[0] += 301 * DAY_S
    assert shown() == pytest.approx(-DAY_S, abs=60)
    Authority(authority.folder, "site", days=600)  # renewed in its place
    assert shown() == pytest.approx(299 * DAY_S, abs=60)
    authority.file.unlink()
    assert math.isnan(shown())
    measure_certificates(Settings(), program)
    assert "expires_in_seconds{" not in str(list(registry.collect()))


async def shown_by(certificate: ServerCertificate) -> bytes:
    """The certificate that a client gets who connects now."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=certificate.context)
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
    return bytes(shown)


def der(file: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(file.read_text())


def put(file: Path, place: Path) -> None:
    """Copy a file over another, with a time of its own however fast the disk is."""
    shutil.copy(file, place)
    os.utime(place, ns=(time.time_ns(), time.time_ns() + put.calls))
    put.calls += 1


put.calls = 0


async def test_a_renewed_certificate_is_shown_to_whoever_connects_next(authority: Authority) -> None:
    used, new = authority.issue("used"), authority.issue("new")
    certificate = ServerCertificate(*used)
    before = der(used.cert)
    assert await shown_by(certificate) == before
    assert not certificate.reload_if_renewed()
    for file, place in zip(new, used, strict=True):
        put(file, place)
    assert certificate.reload_if_renewed()
    assert await shown_by(certificate) == der(new.cert) != before


async def test_half_a_renewal_is_said_and_the_former_certificate_shown_on(authority: Authority) -> None:
    used, new = authority.issue("used"), authority.issue("new")
    certificate, before = ServerCertificate(*used), der(used.cert)
    put(new.cert, used.cert)
    for _ in range(2):
        with pytest.raises(Misconfigured, match="cannot be used"):
            certificate.reload_if_renewed()
        assert await shown_by(certificate) == before
    put(new.key, used.key)
    assert certificate.reload_if_renewed()
    assert await shown_by(certificate) == der(new.cert)
    used.key.unlink()
    with pytest.raises(Misconfigured, match="no such file"):
        certificate.reload_if_renewed()


def test_files_that_are_no_pair_are_refused(authority: Authority) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    for pair in (Pair(one.cert, other.key), Pair(one.key, one.key), Pair(one.cert.with_name("none"), one.key)):
        with pytest.raises(Misconfigured, match="cannot be used"):
            ServerCertificate(*pair)
