"""Routes that are examined once. FastAPI examines each one where it is declared, and again where
its router is included; the first of these was a sixth of a start."""

from collections.abc import Callable
from typing import Any, override

from fastapi.routing import APIRoute


class LateRoute(APIRoute):
    """Remembers how it was declared: all that FastAPI reads where it is included. Whoever asks for
    more makes it examine itself."""

    @override
    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._declared = path, endpoint, options
        vars(self).update({"form_limits": {}, "stream_item_type": None} | options)
        self.path, self.endpoint = path, endpoint
        self.name = options.get("name") or endpoint.__name__
        self.methods = {method.upper() for method in options.get("methods") or ["GET"]}
        self.tags = options.get("tags") or []
        self.responses = options.get("responses") or {}
        self.dependencies = list(options.get("dependencies") or [])

    def __getattr__(self, name: str) -> Any:
        """What only an examination finds: `dependant`, `app`, `path_regex` ..."""
        declared = None if name.startswith("__") else vars(self).pop("_declared", None)
        if declared is None:
            raise AttributeError(name=name, obj=self)
        path, endpoint, options = declared
        super().__init__(path, endpoint, **options)
        return getattr(self, name)
