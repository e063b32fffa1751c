"""The folder of an installation's secrets: its authority, its servers' certificates, and a folder of settings for each principal."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from contracts.configuration.settings import Settings, variable_of
from contracts.errors import Misconfigured
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security.authority import Certified, issue, new_authority, valid_until
from fedsecure.security.principals import ADMIN, BROKER, MECHANISM, Principal, device_principal, program_principals
from fedsecure.security.redis_access import users_file
from transport.atomic_write import OWNER_ONLY, write_temporary

LOCAL_FOLDER: Final = "secure"
"""Where in the state folder the local stack has its own."""
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
SERVERS: Final = ("kafka", "redis", "console")
COMMON_NAMES: Final = {"kafka": BROKER}
"""A broker shows its certificate to the other brokers' controllers: its name there is that of its principal."""
PASSWORD_BYTES: Final = 32
REAUTH_S: Final = 600.0
"""Each connection to Kafka logs in again after so long; some clients can only do so by a new connection, so not too often."""


class SiteRecord(msgspec.Struct, frozen=True):
    """What the installation is: `devices` holds, by principal, the devices that it is for."""

    prefix: str
    worker_group: str
    kafka: str
    redis: str
    hosts: tuple[str, ...] = ()
    redis_has_tls: bool = True
    reauth_s: float = REAUTH_S
    devices: dict[str, tuple[str, ...]] = {}


class Site:
    """One such folder. Everything secret in it is readable by its owner alone. Raises Misconfigured for a folder that is none, and OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.ca_file = self.folder / "ca.pem"
        self.users_file = self.folder / "servers" / "redis" / "users.acl"
        self.first_users = self.folder / "servers" / "kafka" / "first-users"
        """Words of `StorageTool format`, one a line: the log-ins through which all others are made."""
        self._ca_key = self.folder / "ca.key"
        self._record = self.folder / "site.json"

    @property
    def exists(self) -> bool:
        return self._record.exists()

    @property
    def record(self) -> SiteRecord:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=SiteRecord)
        except FileNotFoundError:
            raise Misconfigured(
                f"{self.folder} holds no secure installation: `fedsecure secure init {self.folder}` makes one"
            ) from None
        except msgspec.DecodeError as error:
            raise Misconfigured(f"{self._record} cannot be read ({error})") from None

    def make(self, record: SiteRecord, now: dt.datetime) -> None:
        """Make authority, certificates and passwords. Raises Misconfigured where there is an installation already."""
        if self.exists or self._ca_key.exists():
            raise Misconfigured(
                f"{self.folder} holds an installation already: `fedsecure secure renew {self.folder}` renews its "
                "certificates; to begin anew, delete the folder"
            )
        authority = new_authority(f"FedSecure {record.prefix}", now)
        _write(self._ca_key, authority.key)
        _write(self.ca_file, authority.certificate, 0o644)
        _write(self._record, msgspec.json.format(msgspec.json.encode(record)))
        self._issue_all(authority, now)
        _write(self.folder / "servers" / "kafka" / "password", _password().encode())
        self._write_programs()
        _write(self.first_users, self._first_users().encode())

    def renew(self, now: dt.datetime) -> None:
        """Replace the servers' keys and certificates. The authority stays, so that clients need nothing new."""
        _ = self.record
        self._issue_all(Certified(self._ca_key.read_bytes(), self.ca_file.read_bytes()), now)

    def certificates(self) -> dict[Path, dt.datetime]:
        """Return when each certificate ends, the authority's first."""
        files = (self.ca_file, *(self.certificate(server) for server in SERVERS))
        return {file: valid_until(file.read_bytes()) for file in files}

    def certificate(self, server: str) -> Path:
        """Return a server's certificate; of Kafka's the key is in the same file, as its PEM stores want it."""
        return self.folder / "servers" / server / "server.pem"

    def key(self, server: str) -> Path:
        return self.folder / "servers" / server / "server.key"

    def broker_password(self) -> str:
        """Return what brokers log in to each other with."""
        return (self.folder / "servers" / "kafka" / "password").read_text()

    def program_folder(self, name: str) -> Path:
        """Return the folder that FEDSECURE_SECRETS_DIR names for a principal's program."""
        return self.folder / "programs" / name

    def principals(self) -> dict[str, Principal]:
        """Return all principals by name, those of programs first."""
        record = self.record
        topics, keys = Topics(record.prefix), RedisKeys(record.prefix)
        programs = program_principals(topics, keys, record.worker_group)
        devices = (device_principal(topics, keys, name, ids) for name, ids in record.devices.items())
        return {principal.name: principal for principal in (*programs, *devices)}

    def settings_of(self, name: str, **overrides: Any) -> Settings:
        """Return the settings that a principal's folder gives, as its program has them. Raises Misconfigured for nobody's name."""
        folder = self.program_folder(name)
        if not folder.is_dir():
            raise Misconfigured(f"{self.folder} has no principal {name}: it has {', '.join(self.principals())}")
        fields = {variable_of(field): field for field in Settings.model_fields}
        given: dict[str, Any] = {
            fields[path.name]: path.read_text() for path in folder.iterdir() if path.name in fields
        }
        # Seen from here: a container has the folder under another path.
        given |= {name: self.ca_file for name in ("kafka_ca_file", "redis_ca_file") if name in given}
        absent = {"redis_ca_file": None, "blob_dir": None} | (
            {} if "redis_url" in given else {"redis_url": "redis://127.0.0.1"}
        )
        return Settings(**(absent | given | overrides))

    def kafka_password(self, name: str) -> str:
        return (self.program_folder(name) / "FEDSECURE_KAFKA_PASSWORD").read_text()

    def redis_password(self, name: str) -> str:
        return urlsplit((self.program_folder(name) / "REDIS_URL").read_text()).password or ""

    def redis_password_sha256(self, name: str) -> str:
        """Return all that Redis is told of a password."""
        return hashlib.sha256(self.redis_password(name).encode()).hexdigest()

    def change(self, **changes: Any) -> None:
        """Write another record, and every file that follows from it. Passwords that are there stay."""
        _write(self._record, msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(self.record, **changes))))
        self._write_programs()

    def forget(self, name: str) -> None:
        """Delete a principal's files."""
        folder = self.program_folder(name)
        for path in list(folder.iterdir()) if folder.is_dir() else ():
            path.unlink()
        if folder.is_dir():
            folder.rmdir()

    def _first_users(self) -> str:
        passwords = {BROKER: self.broker_password(), ADMIN: self.kafka_password(ADMIN)}
        options = [f"--add-scram={MECHANISM}=[name={name},password={word}]" for name, word in passwords.items()]
        return "".join(f"{option}\n" for option in options)

    def _issue_all(self, authority: Certified, now: dt.datetime) -> None:
        hosts = list(dict.fromkeys((*LOCAL_HOSTS, *self.record.hosts)))
        for server in SERVERS:
            made = issue(authority, COMMON_NAMES.get(server, server), [server, *hosts], now)
            if server == "kafka":
                _write(self.certificate(server), made.key + made.certificate)
            else:
                _write(self.key(server), made.key)
                _write(self.certificate(server), made.certificate)

    def write_users(self) -> None:
        """Write the file that Redis starts with, if a password or right in it is another by now.

        A program that is newer than this folder gets one of its own first.
        """
        principals, record = self.principals(), self.record
        for name in principals.keys() - record.devices.keys():
            if not self.program_folder(name).is_dir():
                self._write_program(principals[name], record)
        hashes = {
            name: self.redis_password_sha256(name)
            for name, principal in principals.items()
            if principal.redis is not None
        }
        users = users_file(principals.values(), hashes).encode()
        if not self.users_file.exists() or self.users_file.read_bytes() != users:
            _write(self.users_file, users)

    def _write_programs(self) -> None:
        record = self.record
        for principal in self.principals().values():
            self._write_program(principal, record)
        self.write_users()

    def _write_program(self, principal: Principal, record: SiteRecord) -> None:
        name, folder = principal.name, self.program_folder(principal.name)
        password = folder / "FEDSECURE_KAFKA_PASSWORD"
        files = {
            "KAFKA_BOOTSTRAP_SERVERS": record.kafka,
            "FEDSECURE_PREFIX": record.prefix,
            "FEDSECURE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "FEDSECURE_KAFKA_SASL_MECHANISM": MECHANISM,
            "FEDSECURE_KAFKA_CA_FILE": str(self.ca_file),
            "FEDSECURE_KAFKA_USERNAME": name,
            "FEDSECURE_KAFKA_PASSWORD": password.read_text() if password.exists() else _password(),
        }
        if name == "worker":
            files["FEDSECURE_WORKER_GROUP"] = record.worker_group
        if principal.redis is not None:
            known = self.redis_password(name) if (folder / "REDIS_URL").exists() else _password()
            scheme = "rediss" if record.redis_has_tls else "redis"
            files["REDIS_URL"] = f"{scheme}://{name}:{known}@{record.redis}/0"
            if record.redis_has_tls:
                files["FEDSECURE_REDIS_CA_FILE"] = str(self.ca_file)
        for file, value in files.items():
            _write(folder / file, value.encode())
        if not record.redis_has_tls:
            (folder / "FEDSECURE_REDIS_CA_FILE").unlink(missing_ok=True)


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)  # needs no encoding in a URL, quotes in a file, or blanks


def _write(path: Path, data: bytes, mode: int = OWNER_ONLY) -> None:
    """Write a file whole or not at all, in folders that are the owner's alone."""
    for folder in reversed((path.parent, *path.parent.parents)):
        if not folder.exists():
            folder.mkdir(mode=0o700)
    written = write_temporary(path.parent, data, prefix=".writing-")
    written.chmod(mode)
    written.replace(path)
