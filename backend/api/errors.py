"""Every error as `{code, detail}` with the right status."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from backend.kit.errors import AppError
from backend.kit.redact import redacted

_CODES = {
    400: "bad_request",
    401: "not_signed_in",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
}


class ErrorBody(BaseModel):
    """`code` for programs, `detail` for people."""

    code: str
    detail: str


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for OpenAPI.

    By reference: FastAPI would build a validator for each of them, half of a start's time.
    """
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in (422, *statuses)
    }


def error_response(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    # Words of others may quote what they were given.
    return JSONResponse({"code": code, "detail": redacted(detail)}, status, headers)


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _invalid_input)
    app.add_exception_handler(HTTPException, _http_error)


def _app_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)  # noqa: S101  # tells the type checker; starlette dispatches
    headers = {"Retry-After": str(round(error.retry_after))} if error.retry_after else {}
    if error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    return error_response(error.status, error.code, error.detail, headers)


def _invalid_input(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as above
    problems = [
        f"{'.'.join(str(step) for step in problem['loc'] if step != 'body') or 'body'}:"
        f" {problem['msg']}"
        for problem in error.errors()[:5]
    ]
    return error_response(422, "invalid_input", "; ".join(problems)[:1000])


def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # as above
    code = _CODES.get(error.status_code, "http_error")
    headers = dict(error.headers) if error.headers else None
    return error_response(error.status_code, code, str(error.detail), headers)
