"""The options of a database address, those after its `?`, read as libpq reads them."""

import configparser
import ipaddress
import os
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlencode, urlsplit, urlunsplit

from consumer.errors import Fatal

_DRIVER = {
    *("host", "port", "dbname", "database", "user", "password", "passfile", "service", "target_session_attrs"),
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib"),
}
"""Options that asyncpg reads itself."""

_OURS = {
    *("options", "application_name", "fallback_application_name", "connect_timeout", "hostaddr", "load_balance_hosts"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
}

_HARMLESS: Mapping[str, set[str]] = {
    "channel_binding": {"disable", "prefer"},
    "gssencmode": {"disable", "prefer"},
    "gssdelegation": {"0"},
    "client_encoding": {"utf8", "utf-8", "unicode", "auto"},
    "replication": {"false", "off", "no", "0"},
    "requiressl": {"0"},
    "sslcompression": {"0", "1"},
    "sslsni": {"1"},
    "sslcertmode": {"allow"},
    "min_protocol_version": {"3.0"},
    "max_protocol_version": {"3.0", "3.2", "latest"},
    "require_auth": set(),
    "requirepeer": set(),
    "sslkeylogfile": set(),
    "servicefile": set(),
    "scram_client_key": set(),
    "scram_server_key": set(),
    "oauth_issuer": set(),
    "oauth_client_id": set(),
    "oauth_client_secret": set(),
    "oauth_scope": set(),
}
"""Options that asyncpg does not know, with the values that need no action. We refuse any other value: we cannot honour it."""

_VARIABLES = {
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "hostaddr": "PGHOSTADDR",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
    "require_auth": "PGREQUIREAUTH",
    "requirepeer": "PGREQUIREPEER",
    "sslcertmode": "PGSSLCERTMODE",
}
"""libpq's environment variables for options that asyncpg does not know."""

_ADVICE = {
    "channel_binding": "remove it; sslmode=verify-full proves who the server is",
    "gssencmode": "remove it; sslmode=require encrypts",
}

_KEEPALIVES = {"keepalives_idle": "TCP_KEEPIDLE", "keepalives_interval": "TCP_KEEPINTVL", "keepalives_count": "TCP_KEEPCNT"}
_UNENCRYPTED = ("disable", "allow", "prefer")


@dataclass(frozen=True, slots=True)
class Options:
    """An address, split into what asyncpg reads and what we apply."""

    dsn: str
    """Only with options that asyncpg knows."""
    server: Mapping[str, str]
    """Start-up parameters."""
    connect_seconds: float | None
    """None if the address does not say."""
    sockets: tuple[tuple[int, int, int], ...]
    """Level, option and value."""


def read(dsn: str) -> Options:
    """Raises `Fatal` for an option that we cannot honour, and `ValueError` for an unknown one.

    Only names of libpq's options are quoted: any other text after the `?` may be part of a password.
    """
    address = _with_service(urlsplit(dsn))
    written = _options(address)
    if not known(written):
        raise ValueError("an option is unknown")
    options = {name: os.environ[variable] for name, variable in _VARIABLES.items() if os.environ.get(variable)} | written
    for name, harmless in _HARMLESS.items():
        if name in options and options[name].lower() not in harmless:
            where = "the database address" if name in written else _VARIABLES[name]
            raise Fatal(f"{where} sets {name} to a value that is not supported: {_ADVICE.get(name, 'remove it')}")
    address = _shuffled(_with_numbers(address, written, options), options.get("load_balance_hosts", "disable"))
    if set(written) - _DRIVER:
        for_driver = {name: value for name, value in parse_qs(address.query).items() if name in _DRIVER}
        address = address._replace(query=urlencode(for_driver, doseq=True))
    seconds = int(options.get("connect_timeout", "0"))
    return Options(
        urlunsplit(address) if address != urlsplit(dsn) else dsn,
        {name: written[name] for name in ("options", "application_name") if name in written},
        float(seconds) if seconds > 0 else None,
        tuple(_socket_options(written)),
    )


def _options(address: SplitResult) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(address.query, strict_parsing=bool(address.query)).items()}


def known(options: Iterable[str]) -> bool:
    """Whether libpq or asyncpg knows all of them."""
    return _DRIVER | _OURS | set(_HARMLESS) >= set(options)


def _with_service(address: SplitResult) -> SplitResult:
    """Adds the options of the service that it names, or that PGSERVICE names if the address has no host.

    Raises `Fatal` for an unknown service: asyncpg would connect to the default host.
    """
    options = _options(address)
    has_host = bool(address.netloc.rpartition("@")[2] or options.get("host"))
    name = options.pop("service", None) or (None if has_host else os.environ.get("PGSERVICE"))
    if not name:
        return address
    file, services = Path(os.environ.get("PGSERVICEFILE") or "~/.pg_service.conf").expanduser(), configparser.RawConfigParser()
    try:
        services.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Fatal(f"{file} cannot be read as a file of database services") from error
    if not services.has_section(name):
        raise Fatal(f"the database address, or PGSERVICE, names a service that is not in {file}")
    return address._replace(query=urlencode(dict(services[name]) | options))


def _with_numbers(address: SplitResult, written: Mapping[str, str], options: Mapping[str, str]) -> SplitResult:
    """The address with `hostaddr` in place of its hosts."""
    if not options.get("hostaddr"):
        return address
    if written.get("sslmode", os.environ.get("PGSSLMODE")) == "verify-full":
        raise Fatal("the database address has hostaddr and sslmode=verify-full, which needs names: remove hostaddr")
    numbers = options["hostaddr"].split(",")
    user, at, names = address.netloc.rpartition("@")
    hosts = names.split(",")
    if len(hosts) not in (1, len(numbers)):
        raise ValueError("hostaddr and hosts differ in number")
    ports = [host.rpartition("]")[2].partition(":")[2] or written.get("port", "") for host in hosts]
    ports *= len(numbers) if len(hosts) == 1 else 1
    netlocs = [
        (f"[{number}]" if ":" in number else number) + (f":{port}" if port else "")
        for number, port in zip(map(str.strip, numbers), ports, strict=True)
    ]
    rest = urlencode({name: value for name, value in written.items() if name != "host"})
    return address._replace(netloc=f"{user}{at}{','.join(netlocs)}", query=rest)


def _shuffled(address: SplitResult, load_balance_hosts: str) -> SplitResult:
    """With its hosts in random order, if `load_balance_hosts` says so."""
    if load_balance_hosts == "disable":
        return address
    if load_balance_hosts != "random":
        raise ValueError("load_balance_hosts is disable or random")
    user, at, names = address.netloc.rpartition("@")
    hosts = names.split(",")
    return address._replace(netloc=f"{user}{at}{','.join(random.sample(hosts, len(hosts)))}")


def _socket_options(written: Mapping[str, str]) -> list[tuple[int, int, int]]:
    """As libpq sets them: keepalives are on by default; 0 means the system's default."""
    options = []
    if int(written.get("keepalives", "1")):
        options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
        options += [_tcp(constant, written[name]) for name, constant in _KEEPALIVES.items() if name in written]
    if "tcp_user_timeout" in written:
        options.append(_tcp("TCP_USER_TIMEOUT", written["tcp_user_timeout"]))
    return [option for option in options if option[1] >= 0 and option[2] > 0]


def _tcp(constant: str, value: str) -> tuple[int, int, int]:
    return socket.IPPROTO_TCP, getattr(socket, constant, -1), int(value)  # -1: this system has no such option


def unencrypted(dsn: str) -> str | None:
    """The first remote host to which password and data may go unencrypted, or None."""
    try:
        address = _with_service(urlsplit(dsn))
        options = {name: values[-1] for name, values in parse_qs(address.query).items()}
    except (ValueError, Fatal):  # connecting will say what is wrong
        return None
    if address.fragment or "@" in address.path + address.query:
        return None  # what looks like the host may be part of the password
    if (options.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer") not in _UNENCRYPTED:
        return None
    hosts = address.netloc.rpartition("@")[2] or options.get("host") or os.environ.get("PGHOST") or ""
    return next(
        (host for host in map(host_of, unquote(options.get("hostaddr") or hosts).split(",")) if not is_near(host)), None
    )


def host_of(netloc: str) -> str:
    """The host without its port."""
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0] if netloc.count(":") == 1 and not netloc.startswith("/") else netloc


def is_near(host: str | None) -> bool:
    """Whether a host is this machine, or has a name without a dot, as containers in one private network have."""
    if not host or host.startswith(("/", "@")):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host.rstrip(".") or host.rstrip(".").endswith(".localhost")
    return number.is_loopback or number.is_unspecified
