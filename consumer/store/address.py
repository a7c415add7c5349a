"""What the address of a database says behind its `?`: the options that libpq knows."""

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

_KEPT_ANYWAY: Mapping[str, set[str]] = {
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
"""Options that asyncpg does not know, with the values that need nothing done. Other values are refused: they would not hold."""

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
"""libpq's variables for options that asyncpg does not know."""

_ADVICE = {
    "channel_binding": "take it out; sslmode=verify-full proves who the server is",
    "gssencmode": "take it out; sslmode=require encrypts",
}

_KEEPALIVES = {"keepalives_idle": "TCP_KEEPIDLE", "keepalives_interval": "TCP_KEEPINTVL", "keepalives_count": "TCP_KEEPCNT"}
_UNENCRYPTED = ("disable", "allow", "prefer")


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, taken apart into what asyncpg reads and what is left to us."""

    dsn: str
    """With the options alone that asyncpg knows."""
    server: Mapping[str, str]
    """Start-up parameters."""
    connect_seconds: float | None
    """None where nothing is said."""
    sockets: tuple[tuple[int, int, int], ...]
    """Level, option and value."""


def read(dsn: str) -> Asked:
    """Raises `Fatal`, which names what cannot be kept, and `ValueError` where an option is unknown or no option at all.

    A name is quoted where it is one of libpq's: any other text behind the `?` may be a piece of a password.
    """
    address = _served(urlsplit(dsn))
    told = {name: values[-1] for name, values in parse_qs(address.query, strict_parsing=bool(address.query)).items()}
    if not known(told):
        raise ValueError("an option is unknown")
    asked = {name: os.environ[variable] for name, variable in _VARIABLES.items() if os.environ.get(variable)} | told
    for name, kept in _KEPT_ANYWAY.items():
        if name in asked and asked[name].lower() not in kept:
            where = "the database address" if name in told else _VARIABLES[name]
            raise Fatal(f"{where} asks for {name}, which cannot be kept here: {_ADVICE.get(name, 'take it out')}")
    address = _balanced(_at_numbers(address, told, asked), asked.get("load_balance_hosts", "disable"))
    if set(told) - _DRIVER:  # else it is left as it was written
        kept_on = {name: value for name, value in parse_qs(address.query).items() if name in _DRIVER}
        address = address._replace(query=urlencode(kept_on, doseq=True))
    seconds = int(asked.get("connect_timeout", "0"))
    return Asked(
        urlunsplit(address) if address != urlsplit(dsn) else dsn,
        {name: told[name] for name in ("options", "application_name") if name in told},
        float(seconds) if seconds > 0 else None,
        tuple(_sockets(told)),
    )


def known(options: Iterable[str]) -> bool:
    """Whether libpq, or asyncpg, knows all of them."""
    return _DRIVER | _OURS | set(_KEPT_ANYWAY) >= set(options)


def _served(address: SplitResult) -> SplitResult:
    """With what the service that it names says besides. PGSERVICE counts where the address names no host.

    Raises `Fatal` where there is no such service: asyncpg would ask whoever is at the usual place.
    """
    told = {name: values[-1] for name, values in parse_qs(address.query, strict_parsing=bool(address.query)).items()}
    placed = bool(address.netloc.rpartition("@")[2] or told.get("host"))
    name = told.pop("service", None) or (None if placed else os.environ.get("PGSERVICE"))
    if not name:
        return address
    file, services = Path(os.environ.get("PGSERVICEFILE") or "~/.pg_service.conf").expanduser(), configparser.RawConfigParser()
    try:
        services.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Fatal(f"{file} cannot be read as a file of database services") from error
    if not services.has_section(name):
        raise Fatal(f"the database address, or PGSERVICE, names a service that is not in {file}")
    return address._replace(query=urlencode(dict(services[name]) | told))


def _at_numbers(address: SplitResult, told: Mapping[str, str], asked: Mapping[str, str]) -> SplitResult:
    """The address with `hostaddr` in place of its hosts."""
    if not asked.get("hostaddr"):
        return address
    if told.get("sslmode", os.environ.get("PGSSLMODE")) == "verify-full":
        raise Fatal("the database address asks for hostaddr and sslmode=verify-full, which compares names: take hostaddr out")
    numbers = asked["hostaddr"].split(",")
    who, at, places = address.netloc.rpartition("@")
    hosts = places.split(",")
    if len(hosts) not in (1, len(numbers)):
        raise ValueError("as many numbers as hosts are needed")
    ports = [host.rpartition("]")[2].partition(":")[2] or told.get("port", "") for host in hosts]
    ports *= len(numbers) if len(hosts) == 1 else 1
    made = [
        (f"[{number}]" if ":" in number else number) + (f":{port}" if port else "")
        for number, port in zip(map(str.strip, numbers), ports, strict=True)
    ]
    rest = urlencode({name: value for name, value in told.items() if name != "host"})
    return address._replace(netloc=f"{who}{at}{','.join(made)}", query=rest)


def _balanced(address: SplitResult, how: str) -> SplitResult:
    """With its hosts in an order by chance, where that is asked for."""
    if how == "disable":
        return address
    if how != "random":
        raise ValueError("load_balance_hosts is disable or random")
    who, at, places = address.netloc.rpartition("@")
    hosts = places.split(",")
    return address._replace(netloc=f"{who}{at}{','.join(random.sample(hosts, len(hosts)))}")


def _sockets(told: Mapping[str, str]) -> list[tuple[int, int, int]]:
    """As libpq sets them: keepalives are on unless the address switches them off; 0 is what the system does by itself."""
    options = []
    if int(told.get("keepalives", "1")):
        options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
        options += [_tcp(constant, told[name]) for name, constant in _KEEPALIVES.items() if name in told]
    if "tcp_user_timeout" in told:
        options.append(_tcp("TCP_USER_TIMEOUT", told["tcp_user_timeout"]))
    return [option for option in options if option[1] >= 0 and option[2] > 0]


def _tcp(constant: str, value: str) -> tuple[int, int, int]:
    return socket.IPPROTO_TCP, getattr(socket, constant, -1), int(value)  # -1: no such thing on this system


def unencrypted(dsn: str) -> str | None:
    """The first host of the address to which password and data may go unencrypted over a network; None where there is none."""
    try:
        address = _served(urlsplit(dsn))
        told = {name: values[-1] for name, values in parse_qs(address.query).items()}
    except (ValueError, Fatal):  # whoever connects is told what is wrong
        return None
    if address.fragment or "@" in address.path + address.query:
        return None  # what looks like the host may be a piece of the password
    if (told.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer") not in _UNENCRYPTED:
        return None
    places = address.netloc.rpartition("@")[2] or told.get("host") or os.environ.get("PGHOST") or ""
    return next((host for host in map(host_of, unquote(told.get("hostaddr") or places).split(",")) if not is_near(host)), None)


def host_of(place: str) -> str:
    """A host without its port."""
    if place.startswith("/"):
        return place
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0] if place.count(":") == 1 else place


def is_near(host: str | None) -> bool:
    """Whether a host is this machine, or a container of the same private network: such names have no dot."""
    if not host or host.startswith(("/", "@")):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host.rstrip(".") or host.rstrip(".").endswith(".localhost")
    return number.is_loopback or number.is_unspecified
