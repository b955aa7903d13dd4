"""The tool `chat.completions`: OpenRouter's request schema in, the final message out."""

from typing import Any

import orjson
from pydantic import ValidationError

from backend.auth.people import Caller
from backend.chat.completion_schema import Completion, CompletionRequest
from backend.chat.completions import Completions
from backend.kit.errors import InvalidInputError
from backend.mcp_endpoint.household import Offer
from backend.mcp_endpoint.progress import Progress
from backend.messages import JsonObject, ToolSpec
from backend.toolbox.records import CallFailedError, Outcome, ToolHints

NAME = "chat.completions"
MODELS_URI = "parlor://models"
_ABOUT = (
    "Asks a model of this Parlor, with OpenRouter's request schema, and gives its final message:"
    " the text, or the calls of the tools that came with the request. It spends this person's"
    " allowance and keeps nothing. The resource parlor://models lists the models."
)
_MOST_PROBLEMS = 5


class CompletionTool:
    def __init__(self, completions: Completions) -> None:
        self._completions = completions
        self.offer = Offer(
            ToolSpec(NAME, _ABOUT, _input_schema()),
            # It changes nothing, but it costs money: who calls it may want to ask first.
            ToolHints(read_only=False, destructive=False, idempotent=False, open_world=True),
            "Ask a model",
            Completion.model_json_schema(mode="serialization"),
            is_untrusted=True,
        )

    async def run(self, caller: Caller, arguments: JsonObject, progress: Progress) -> Outcome:
        """Raises CallFailedError, AppError."""
        if not caller.has("chat"):
            raise CallFailedError(f"{NAME} wants the scope chat, which this program was not given.")
        try:
            request = CompletionRequest.model_validate(arguments)
        except ValidationError as error:
            raise InvalidInputError(_problems(error)) from None
        written = 0

        def on_text(piece: str) -> None:
            nonlocal written
            written += len(piece)
            progress.tell(f"{written:,} characters so far", written)

        completion = await self._completions.complete(caller.user, request, on_text)
        structured: dict[str, Any] = completion.model_dump(mode="json")
        return Outcome((orjson.dumps(structured).decode(),), structured=structured)

    def models(self, caller: Caller) -> str:
        """What this person may ask for, as JSON."""
        listed = self._completions.models(caller.user)
        wanted = {
            *("id", "name", "provider", "context_length", "max_output_tokens", "supports_tools"),
            *("prompt_price", "completion_price"),
        }
        answer = {
            "default": self._completions.default_model(caller.user),
            "prices": "US dollars per million tokens",
            "models": [model.model_dump(include=wanted) for model in listed],
        }
        return orjson.dumps(answer).decode()


def _input_schema() -> JsonObject:
    """Models read it with every question: without titles, and without saying of what may be left
    out that it may be null as well."""
    schema = CompletionRequest.model_json_schema()
    del schema["title"], schema["description"]
    for name, field in schema["properties"].items():
        kinds = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
        more = {key: field[key] for key in field if key not in ("title", "default", "anyOf")}
        schema["properties"][name] = (
            kinds[0] | more if len(kinds) == 1 else more | ({"anyOf": kinds} if kinds else {})
        )
    return schema


def _problems(error: ValidationError) -> str:
    found = [
        f"{'.'.join(str(step) for step in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)[:_MOST_PROBLEMS]
    ]
    return f"These arguments are wrong: {'; '.join(found)}"[:2000]
