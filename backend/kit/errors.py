"""Errors with a code: what a caller may be told, and with which HTTP status."""

from typing import ClassVar


class AppError(Exception):
    """A refusal or failure with a stable `code` for programs and `detail` for people.

    Subclasses fix `code` and `status`; an instance may sharpen either. The edge renders
    `{code, detail}`; inside a turn the same pair becomes an `error` event.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Seconds after which another try makes sense, when somebody said so."""
        self.challenge: str | None = None
        """How a program may show who it is: for the header `WWW-Authenticate`."""


class InvalidInputError(AppError):
    code = "invalid_input"
    status = 422


class NotFoundError(AppError):
    code = "not_found"
    status = 404


class ConflictError(AppError):
    code = "conflict"
    status = 409


class UnavailableError(AppError):
    code = "unavailable"
    status = 503
