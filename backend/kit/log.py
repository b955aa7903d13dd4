"""Logs: one line an event, for a terminal or for a journal. Never message text."""

import logging
import sys
import traceback
from typing import Literal

from backend.kit.redact import redact_event

# structlog would load rich to draw tracebacks, which are never drawn here: a tenth of each start.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to say "is not there"
import structlog  # noqa: E402  # as the lines above say

del sys.modules["rich"]
if _rich is not None:
    sys.modules["rich"] = _rich

_DEEPEST = 12

type LogLevel = Literal["debug", "info", "warning", "error"]


def configure_logging(level: LogLevel) -> None:
    """Readable on a terminal, JSON elsewhere. Libraries' loggers come through as well."""
    number = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, _name_error, redact_event, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _name_error,
                redact_event,
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def _name_error(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception's kind and places, never its words: they may quote what a person wrote."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        event["where"] = places(error)
    return event


def places(error: BaseException) -> list[str]:
    """Where an exception came from, causes first: file, line and function."""
    if isinstance(error, BaseExceptionGroup):
        return [place for inner in error.exceptions for place in places(inner)]
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
    here = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return here if cause is None else [*places(cause), type(error).__qualname__, *here]
