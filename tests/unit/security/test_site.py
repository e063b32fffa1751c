"""The folder of an installation: certificates that clients believe, passwords that only their owner reads, and changes that keep them."""

from __future__ import annotations

import datetime as dt
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from contracts.errors import Misconfigured
from fedsecure.security.authority import Certified, issue, new_authority, valid_until
from fedsecure.security.site import SERVERS, Site, SiteRecord

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
RECORD = SiteRecord("fedsecure", "fedsecure-workers", "kafka.test:9093", "redis.test:6379", hosts=("kafka.test",))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "a" / "site")
    made.make(RECORD, NOW)
    return made


def test_only_the_owner_reads_it_and_all_may_have_the_authoritys_certificate(site: Site) -> None:
    files = {path: stat.S_IMODE(path.stat().st_mode) for path in site.folder.rglob("*") if path.is_file()}
    assert files.pop(site.ca_file) == 0o644
    assert set(files.values()) == {0o600}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (site.folder, *site.folder.rglob("*")) if path.is_dir()}
    assert folders == {0o700}


def test_a_program_gets_all_it_needs_by_its_folder(site: Site) -> None:
    settings = site.settings_of("worker")
    assert (settings.kafka_bootstrap_servers, settings.kafka_username) == ("kafka.test:9093", "worker")
    assert (settings.kafka_security_protocol, settings.kafka_sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert settings.kafka_password is not None
    assert settings.kafka_password.get_secret_value() == site.kafka_password("worker")
    assert settings.redis_url == f"rediss://worker:{site.redis_password('worker')}@redis.test:6379/0"
    assert settings.kafka_ca_file == settings.redis_ca_file == site.ca_file


def test_every_password_is_another_and_in_no_other_file(site: Site) -> None:
    programs = site.principals()
    passwords = [site.kafka_password(name) for name in programs] + [site.broker_password()]
    passwords += [site.redis_password(name) for name, each in programs.items() if each.redis]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 40
    shared = [path for path in site.folder.rglob("*") if path.is_file() and path.parent.parent.name != "programs"]
    assert not [
        path
        for path in shared
        for word in passwords
        if word in path.read_text() and path.name not in {"password", "first-users"}
    ]


def test_a_redis_without_tls_has_another_address_and_no_authority(site: Site) -> None:
    site.change(redis_has_tls=False)
    assert site.settings_of("console").redis_url.startswith("redis://console:")
    assert site.settings_of("console").redis_ca_file is None


def test_a_change_keeps_the_passwords_and_forgetting_takes_them(site: Site) -> None:
    before = site.kafka_password("worker"), site.redis_password("worker")
    site.change(devices={"device-bed-1": ("bed-1",)}, kafka="kafka.test:1")
    assert (site.kafka_password("worker"), site.redis_password("worker")) == before
    assert site.settings_of("device-bed-1").kafka_bootstrap_servers == "kafka.test:1"
    assert " device-bed-1 " in site.users_file.read_text()
    site.change(devices={})
    site.forget("device-bed-1")
    assert " device-bed-1 " not in site.users_file.read_text()
    with pytest.raises(Misconfigured, match="no principal device-bed-1: it has admin, replay"):
        site.settings_of("device-bed-1")


def test_a_password_that_was_replaced_in_its_file_is_in_the_file_of_users(site: Site) -> None:
    before, url = site.users_file.read_text(), site.program_folder("worker") / "REDIS_URL"
    url.write_text(url.read_text().replace(site.redis_password("worker"), "another-password"))
    site.write_users()
    after = site.users_file.read_text()
    assert {line.split()[1] for line in set(before.splitlines()) ^ set(after.splitlines())} == {"worker"}


def test_a_program_that_is_newer_than_the_folder_gets_its_own_and_the_others_keep_theirs(site: Site) -> None:
    before = site.kafka_password("worker"), site.redis_password("worker"), site.kafka_password("gate")
    site.forget("gate")  # as in a folder of an earlier release
    site.write_users()
    assert " gate " in site.users_file.read_text()
    assert (site.kafka_password("worker"), site.redis_password("worker")) == before[:2]
    assert site.kafka_password("gate") != before[2]


def test_an_installation_is_not_made_over_another(site: Site) -> None:
    with pytest.raises(Misconfigured, match="holds an installation already: `fedsecure secure renew"):
        site.make(RECORD, NOW)


def test_a_folder_that_holds_none_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="fedsecure secure init"):
        _ = Site(tmp_path).record


def test_certificates_are_renewed_and_the_authority_stays(site: Site) -> None:
    before = {server: site.certificate(server).read_bytes() for server in SERVERS}
    authority, until = site.ca_file.read_bytes(), site.certificates()
    site.renew(NOW + dt.timedelta(days=300))
    assert site.ca_file.read_bytes() == authority
    assert all(site.certificate(server).read_bytes() != before[server] for server in SERVERS)
    after = site.certificates()
    assert [file.parent.name for file in after] == ["site", *SERVERS]
    assert all(after[file] - until[file] == dt.timedelta(days=0 if file == site.ca_file else 300) for file in after)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_is_known_by_its_name_its_hosts_and_this_machines(site: Site, server: str) -> None:
    certificate = x509.load_pem_x509_certificate(site.certificate(server).read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {server, "localhost", "kafka.test"} <= set(names.get_values_for_type(x509.DNSName))
    assert {str(each) for each in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(site.ca_file.read_bytes()))


def test_a_certificate_never_outlives_its_authority() -> None:
    authority = new_authority("test", NOW)
    late = valid_until(authority.certificate) - dt.timedelta(days=3)
    made = issue(authority, "redis", ["localhost"], late)
    assert valid_until(made.certificate) == valid_until(authority.certificate)


def test_python_takes_them_as_strictly_as_it_can(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    authority = new_authority("test", now)
    made = issue(authority, "redis", ["localhost"], now)
    assert _handshake(tmp_path, authority, made) is None
    other = issue(new_authority("test", now), "redis", ["localhost"], now)
    assert "self-signed" in str(_handshake(tmp_path, authority, other)) or "verify failed" in str(
        _handshake(tmp_path, authority, other)
    )
    old = issue(authority, "redis", ["localhost"], now, dt.timedelta(minutes=-1))
    assert "expired" in str(_handshake(tmp_path, authority, old))
    elsewhere = issue(authority, "redis", ["elsewhere"], now)
    assert "mismatch" in str(_handshake(tmp_path, authority, elsewhere))


def _handshake(folder: Path, authority: Certified, server: Certified) -> ssl.SSLError | None:
    """Return why a client does not believe a server, None if it does; both in memory."""
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(server.key + server.certificate)
    asking, answering = (
        ssl.create_default_context(cafile=str(folder / "ca.pem")),
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    )
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    answering.load_cert_chain(folder / "server.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname="localhost")
    other = answering.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return error
    return None
