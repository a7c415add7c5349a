"""Settings come from where operators put them, and a mistake is named."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from consumer.commands.exposed import exposed
from consumer.environment import load
from consumer.errors import UsageError
from consumer.settings import Settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours, and a folder without `.env`."""
    import os

    for name in os.environ:
        if name.startswith("OUTCOMES_") or name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_usual_names_work_and_the_prefixed_ones_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tools' names are enough."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "usual:9092")
    assert load().kafka_bootstrap_servers == "usual:9092"
    monkeypatch.setenv("OUTCOMES_KAFKA_BOOTSTRAP_SERVERS", "ours:9092")
    assert load().kafka_bootstrap_servers == "ours:9092"


def test_flags_win_over_the_environment_and_the_environment_over_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The nearest word counts."""
    (tmp_path / ".env").write_text("OUTCOMES_BATCH_SIZE=1\nOUTCOMES_GROUP_ID=from-dotenv\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("OUTCOMES_BATCH_SIZE", "2")
    assert (load().batch_size, load().group_id) == (2, "from-dotenv")
    assert load(batch_size=3, group_id=None).batch_size == 3


@pytest.mark.parametrize("there", ["OUTCOMES_DATABASE_URL", "OUTCOMES_DATABASE_URL_FILE", "DATABASE_URL", "DATABASE_URL_FILE"])
@pytest.mark.parametrize("here", ["OUTCOMES_DATABASE_URL", "OUTCOMES_DATABASE_URL_FILE", "DATABASE_URL", "DATABASE_URL_FILE"])
def test_the_environment_wins_over_dotenv_under_every_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, here: str, there: str
) -> None:
    """Who sets one name for one command must not write into the database that `.env` names by another."""
    (tmp_path / "secret").write_text("from-environment")
    (tmp_path / ".env").write_text(f"{there}=missing\nOUTCOMES_GROUP_ID=from-dotenv\n")
    monkeypatch.setenv(here, "secret" if here.endswith("_FILE") else "from-environment")
    settings = load()
    assert settings.database_url is not None
    assert (settings.database_url.get_secret_value(), settings.group_id) == ("from-environment", "from-dotenv")


@pytest.mark.parametrize("variable", ["OUTCOMES_DATABASE_URL", "DATABASE_URL"])
def test_a_value_and_a_file_for_it_in_one_place_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """Nobody can tell which was meant."""
    (tmp_path / "secret").write_text("x")
    (tmp_path / ".env").write_text(f"{variable}=y\n{variable}_FILE=secret\n")
    with pytest.raises(UsageError, match=f"^{variable} and {variable}_FILE are both set: take one of them away$"):
        load()
    monkeypatch.setenv(f"{variable}_FILE", "secret")
    assert load().database_url is not None
    monkeypatch.setenv(variable, "y")
    with pytest.raises(UsageError, match=f"^{variable} and {variable}_FILE are both set"):
        load()


def test_an_empty_variable_leaves_its_setting_to_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It counts as not set."""
    (tmp_path / ".env").write_text("OUTCOMES_GROUP_ID=from-dotenv\n")
    monkeypatch.setenv("OUTCOMES_GROUP_ID", " ")
    assert load().group_id == "from-dotenv"


def test_a_dotenv_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    """Every command looks into it."""
    (tmp_path / ".env").write_bytes("OUTCOMES_GROUP_ID=Zürich\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"^\.env cannot be read: it is not in UTF-8$"):
        load()


def test_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As Docker and Kubernetes hand them out; and it is not printed."""
    (tmp_path / "dsn").write_text("postgresql://u:secret@h/d\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "dsn"))
    settings = load()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://u:secret@h/d"
    assert ":secret@" not in repr(settings)
    monkeypatch.setenv("DATABASE_URL_FILE", "missing")
    with pytest.raises(UsageError, match="DATABASE_URL_FILE: cannot read missing"):
        load()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("OUTCOMES_BATCH_SICE", "1", r"OUTCOMES_BATCH_SICE is not a setting; did you mean OUTCOMES_BATCH_SIZE\?"),
        ("OUTCOMES_NONSENSE", "1", "OUTCOMES_NONSENSE is not a setting; docs/reference/settings.md"),
        ("OUTCOMES_BATCH_SIZE", "many", "OUTCOMES_BATCH_SIZE: a whole number is expected"),
        ("OUTCOMES_PROCESSES", "two", "OUTCOMES_PROCESSES: a whole number or `auto` is expected"),
        ("OUTCOMES_BATCH_SIZE", "0", "OUTCOMES_BATCH_SIZE: 1 or more is expected"),
        ("OUTCOMES_BATCH_SIZE", "9" * 5000, "OUTCOMES_BATCH_SIZE: a number of fewer digits is expected"),
        ("OUTCOMES_STATEMENT_SECONDS", "0", "OUTCOMES_STATEMENT_SECONDS: more than 0 is expected"),
        ("OUTCOMES_STATEMENT_SECONDS", "2147484", "OUTCOMES_STATEMENT_SECONDS: 86400 or less is expected"),
        ("OUTCOMES_STATEMENT_SECONDS", "1e30", "OUTCOMES_STATEMENT_SECONDS: 86400 or less is expected"),
        ("OUTCOMES_MAX_FUTURE_SECONDS", "9" * 14, "OUTCOMES_MAX_FUTURE_SECONDS: 3155760000 or less is expected"),
        ("OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS", "0.0001", "OUTCOMES_KAFKA_SESSION_TIMEOUT_SECONDS: 1 or more is expected"),
        ("OUTCOMES_KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:xx", "OUTCOMES_KAFKA_BOOTSTRAP_SERVERS: b:xx is no address"),
        ("KAFKA_BOOTSTRAP_SERVERS", "b:99999", "OUTCOMES_KAFKA_BOOTSTRAP_SERVERS: b:99999 is no address"),
        ("OUTCOMES_DEFAULT_TENANT", "a\x1b", "OUTCOMES_DEFAULT_TENANT: holds control characters"),
        ("OUTCOMES_TOPIC", " , ", "OUTCOMES_TOPIC: at least one topic"),
        ("OUTCOMES_START", "middle", "OUTCOMES_START: "),
        ("OUTCOMES_KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "PLAIN also needs OUTCOMES_KAFKA_SASL_USERNAME"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    """With the variable's own name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=sentence):
        load()


NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation in (int, float)]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400", "1e30", "9" * 30])
@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_bounds(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What no timer, no memory and no protocol can hold is refused at the start, and not where it would break."""
    monkeypatch.setenv(f"OUTCOMES_{name.upper()}", value)
    with pytest.raises(UsageError, match=f"^OUTCOMES_{name.upper()}: .* expected"):
        load()


@pytest.mark.parametrize("name", NUMBERS)
def test_the_largest_number_of_each_setting_works(name: str) -> None:
    """Postgres' and Kafka's timers count milliseconds in 32 bits, and Python's distances in days have an end."""
    (largest,) = [limit.le for limit in Settings.model_fields[name].metadata if hasattr(limit, "le")]
    settings = load(**{name: largest})
    assert settings.max_future.days <= 36_525
    assert not name.endswith("_seconds") or name == "max_future_seconds" or largest * 1000 < 2**31


def test_several_topics_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks do not matter."""
    monkeypatch.setenv("OUTCOMES_TOPIC", "a, b")
    assert load().topic == ("a", "b")


def test_every_setting_says_what_it_is() -> None:
    """The README's table is made of these."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody starts a worker once for each."""
    for name in ("OUTCOMES_BATCH_SICE", "OUTCOMES_BATCH_SIZE", "OUTCOMES_START"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(UsageError) as error:
        load()
    assert [line.split(":")[0].split()[0] for line in str(error.value).splitlines()] == [
        "OUTCOMES_BATCH_SICE",
        "OUTCOMES_BATCH_SIZE",
        "OUTCOMES_START",
    ]


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    """As compose files write it."""
    for name in Settings.model_fields:
        monkeypatch.setenv(f"OUTCOMES_{name.upper()}", empty)
    monkeypatch.setenv("DATABASE_URL", empty)
    monkeypatch.setenv("DATABASE_URL_FILE", empty)
    assert load() == Settings()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "usual:9092")
    assert load().kafka_bootstrap_servers == "usual:9092"


@pytest.mark.parametrize("servers", ["h", "h:1", "a:1, b:2", "[::1]:9092", "[::1]", "::1", "10.0.0.1:9092", "a_b.c-d:9092"])
def test_brokers_are_named_as_everywhere(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    """By name or address, with or without a port."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    assert load().kafka_bootstrap_servers == servers


SERVICES = {
    "OUTCOMES_PORT": "tcp://10.0.0.1:80",
    "OUTCOMES_SERVICE_HOST": "10.0.0.1",
    "OUTCOMES_SERVICE_PORT": "80",
    "OUTCOMES_SERVICE_PORT_HTTP": "80",
    "OUTCOMES_PORT_80_TCP": "tcp://10.0.0.1:80",
    "OUTCOMES_PORT_80_TCP_ADDR": "10.0.0.1",
    "OUTCOMES_PORT_80_TCP_PORT": "80",
    "OUTCOMES_PORT_80_TCP_PROTO": "tcp",
    "OUTCOMES_PORT_53_UDP": "udp://10.0.0.1:53",
    "OUTCOMES_SERVE_PORT": "tcp://10.0.0.2:8000",
    "OUTCOMES_SERVE_SERVICE_HOST": "fd00::2",
    "OUTCOMES_SERVE_SERVICE_PORT": "8000",
    "OUTCOMES_SERVE_PORT_8000_TCP_ADDR": "fd00::2",
    "OUTCOMES_HTTP_PORT": "tcp://[fd00::3]:8080",
    "OUTCOMES_WORKER_METRICS_SERVICE_PORT_HTTP_METRICS": "8080",
}
"""What Kubernetes sets in every container of a namespace with services that are called as we are."""


@pytest.mark.parametrize("name", SERVICES)
def test_a_clusters_variable_for_a_service_is_not_ours(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever the service is called, also where the name is that of a setting: then `.env` or the default counts."""
    monkeypatch.setenv(name, SERVICES[name])
    assert load() == Settings()


def test_all_variables_of_a_clusters_services_at_once_are_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And a setting that is set besides is heard."""
    for name, value in SERVICES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OUTCOMES_GROUP_ID", "mine")
    (tmp_path / ".env").write_text("OUTCOMES_SERVE_PORT=8123\n")
    assert load() == Settings(group_id="mine", serve_port=8123)
    monkeypatch.setenv("OUTCOMES_SERVE_PORT", "8124")
    assert load().serve_port == 8124


def test_dockers_links_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--link db:outcomes` sets a name, ports, and all that the linked container has in its own environment."""
    monkeypatch.setenv("OUTCOMES_NAME", "/web/outcomes")
    monkeypatch.setenv("OUTCOMES_ENV_POSTGRES_VERSION", "18")
    monkeypatch.setenv("OUTCOMES_PORT_5432_TCP", "tcp://172.17.0.2:5432")
    assert load() == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OUTCOMES_PORT", "8000"),
        ("OUTCOMES_SERV_PORT", "8000"),
        ("OUTCOMES_SERVICE_HOST", "0.0.0.0"),  # noqa: S104 - a text
        ("OUTCOMES_SERVICE_HOST", "127.0.0.1"),
        ("OUTCOMES_SERVICE_HOST", "db.example.edu"),
        ("OUTCOMES_SERVICE_PORT", "http"),
        ("OUTCOMES_PORT_80_TCP", "80"),
        ("OUTCOMES_NAME", "school"),
        ("OUTCOMES_ENV_X", "1"),
        ("OUTCOMES_TOPIC_NAME", "canvas"),
    ],
)
def test_a_misspelt_setting_is_none_of_a_services(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Its name may look like one: its value does not."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"^{name} is not a setting"):
        load()


def test_a_services_address_in_dotenv_is_a_mistake(tmp_path: Path) -> None:
    """No cluster writes there."""
    (tmp_path / ".env").write_text("OUTCOMES_PORT=tcp://10.0.0.1:80\n")
    with pytest.raises(UsageError, match=r"^OUTCOMES_PORT is not a setting"):
        load()


SASL = {"kafka_sasl_username": "u", "kafka_sasl_password": "geheim", "kafka_security_protocol": "SASL_PLAINTEXT"}
OAUTH = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "OAUTHBEARER",
    "kafka_oauth_client_id": "u",
    "kafka_oauth_client_secret": "geheim",
}


@pytest.mark.parametrize(
    ("values", "host"),
    [
        ({"database_url": "postgresql://u:geheim@db.example.edu/x"}, "db.example.edu"),
        ({"database_url": "postgresql://u:geheim@127.0.0.1,10.0.0.5:5433/x?sslmode=prefer"}, "10.0.0.5"),
        ({"database_url": "postgresql://u:geheim@[2001:db8::1]:5432/x?sslmode=disable"}, "2001:db8::1"),
        ({"database_url": "postgresql:///x?host=db.example.edu&user=u&password=geheim&sslmode=allow"}, "db.example.edu"),
        ({"database_url": "postgresql://u:geheim@db/x?hostaddr=10.0.0.6"}, "10.0.0.6"),
        ({"canvas_url": "http://canvas.example.edu", "canvas_token": "geheim"}, "canvas.example.edu"),
        (SASL | {"kafka_bootstrap_servers": "kafka:9092,kafka.example.edu:9092"}, "kafka.example.edu"),
        (SASL | {"kafka_bootstrap_servers": "10.0.0.7"}, "10.0.0.7"),
        (OAUTH | {"kafka_oauth_token_url": "http://login.example.edu/token"}, "login.example.edu"),
    ],
)
def test_a_secret_that_goes_unencrypted_over_a_network_is_warned_of(values: dict[str, Any], host: str) -> None:
    """In one sentence, with where it goes and without the secret."""
    sentences = list(exposed(Settings(**values)))
    assert len(sentences) == 1
    sentence = sentences[0]
    assert f" {host} " in sentence
    assert "unencrypted" in sentence
    assert "geheim" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"database_url": "postgresql://u:p@localhost/x"},
        {"database_url": "postgresql://u:p@127.0.0.1:5432,[::1]/x"},
        {"database_url": "postgresql://u:p@/x?host=/run/postgresql"},
        {"database_url": "postgresql://u:p@postgres:5432/outcomes"},
        {"database_url": "postgresql://u:p@db.example.edu/x?sslmode=require"},
        {"database_url": "postgresql://u:p@db.example.edu/x?sslmode=verify-full&sslrootcert=x"},
        {"database_url": "postgresql://u.v:p.q:r/s@host/x"},
        {"canvas_url": "http://canvas.example.edu"},
        {"canvas_url": "https://canvas.example.edu", "canvas_token": "geheim"},
        {"canvas_url": "http://127.0.0.1:3000", "canvas_token": "geheim"},
        SASL | {"kafka_bootstrap_servers": "localhost:9092,kafka:9092"},
        SASL | {"kafka_bootstrap_servers": "kafka.example.edu", "kafka_sasl_mechanism": "SCRAM-SHA-256"},
        SASL | {"kafka_bootstrap_servers": "kafka.example.edu", "kafka_security_protocol": "SASL_SSL"},
        OAUTH | {"kafka_oauth_token_url": "https://login.example.edu/token", "kafka_bootstrap_servers": "kafka.example.edu"},
    ],
)
def test_what_is_encrypted_or_stays_here_is_not_warned_of(values: dict[str, Any]) -> None:
    """Nor what a container sends to its neighbour, whose name has no dot; nor what may be a piece of a password."""
    assert list(exposed(Settings(**values))) == []


def test_the_variable_for_sslmode_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does when the connection is made."""
    monkeypatch.setenv("PGSSLMODE", "require")
    assert list(exposed(Settings(database_url=SecretStr("postgresql://u:p@db.example.edu/x")))) == []
