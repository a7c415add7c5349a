"""Variables that Kubernetes and Docker set for a service, which are no settings even if they begin like ours."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address


def _is_where_a_service_is(value: str) -> bool:
    """Whether it is another machine's address. One to listen on may be a misspelt setting of ours."""
    try:
        number = ip_address(value)
    except ValueError:
        return False
    return not number.is_unspecified and not number.is_loopback


_LINK = re.compile(r"(?:tcp|udp|sctp)://\S+:[0-9]+")
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_SERVICE_VARIABLES: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (re.compile(r"_PORT_[0-9]+_(?:TCP|UDP|SCTP)_PROTO$"), re.compile("tcp|udp|sctp").fullmatch),
    (re.compile(r"_PORT_[0-9]+_(?:TCP|UDP|SCTP)_PORT$"), _NUMBER.fullmatch),
    (re.compile(r"_PORT_[0-9]+_(?:TCP|UDP|SCTP)_ADDR$"), _is_where_a_service_is),
    (re.compile(r"_PORT_[0-9]+_(?:TCP|UDP|SCTP)$"), _LINK.fullmatch),
    (re.compile(r"_SERVICE_HOST$"), _is_where_a_service_is),
    (re.compile(r"_SERVICE_PORT(?:_[A-Z0-9_]+)?$"), _NUMBER.fullmatch),
    (re.compile(r"_PORT$"), _LINK.fullmatch),
    (re.compile(r"_NAME$"), re.compile(r"/[^/\s]+/[^/\s]+").fullmatch),
)
"""Names of the variables that Kubernetes and Docker set for a service, and what their values look like."""


def without_services(variables: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The variables without those that Kubernetes and Docker set for services.

    A service `outcomes-serve` sets OUTCOMES_SERVE_PORT to its address in every container of its namespace, and Docker's old
    links do the same. Name and value must both fit, so that a misspelt setting of ours is still found.
    """
    services = {name for name, value in variables.items() if name.startswith(prefix) and _is_of_a_service(name, value)}
    links = tuple(f"{name.removesuffix('_NAME')}_ENV_" for name in services if name.endswith("_NAME"))
    return {name: value for name, value in variables.items() if name not in services and not (links and name.startswith(links))}


def _is_of_a_service(name: str, value: str) -> bool:
    return any(form.search(name) and fits(value) for form, fits in _SERVICE_VARIABLES)
