"""Secrets that the settings send over a network unencrypted."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from consumer.settings import Settings
from consumer.store.address import host_of, is_near, unencrypted


def exposed(settings: Settings) -> Iterator[str]:
    """A sentence for each, with the host and without the secret. This machine and the containers beside it do not count."""
    if settings.database_url and (host := unencrypted(settings.database_url.get_secret_value())):
        yield (
            f"the connection to {host} may be unencrypted, password and rows included: "
            "add sslmode=verify-full and sslrootcert, or at least sslmode=require, to the database address"
        )
    if settings.canvas_token and (host := _by_http(settings.canvas_url)):
        yield f"OUTCOMES_CANVAS_URL begins with http://, so the token goes to {host} unencrypted: write https://"
    if settings.kafka_oauth_client_secret and (host := _by_http(settings.kafka_oauth_token_url)):
        yield f"OUTCOMES_KAFKA_OAUTH_TOKEN_URL begins with http://, so the secret goes to {host} unencrypted: write https://"
    secret = {"PLAIN": "password", "OAUTHBEARER": "token"}.get(settings.kafka_sasl_mechanism)
    if settings.kafka_security_protocol == "SASL_PLAINTEXT" and secret:
        hosts = (host_of(server.strip()) for server in settings.kafka_bootstrap_servers.split(","))
        if host := next((host for host in hosts if not is_near(host)), None):
            yield f"SASL_PLAINTEXT sends the {secret} to {host} unencrypted: set OUTCOMES_KAFKA_SECURITY_PROTOCOL=SASL_SSL"


def _by_http(url: str | None) -> str | None:
    """The host of an http:// address that is elsewhere."""
    try:
        found = urlsplit(url or "")
        return found.hostname if found.scheme == "http" and not is_near(found.hostname) else None
    except ValueError:
        return None
