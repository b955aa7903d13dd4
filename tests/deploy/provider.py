"""A model in the lab that does what the question says; `python -m tests.deploy.provider HOST PORT`.

words N SECONDS       N words, one every so many seconds
use TOOL {...}        calls the offered tool whose name ends so, then repeats its result
anything else         a greeting
"""

import asyncio
import sys
from typing import Any, Self, override

from tests.fakes.answers import DONE, Scenario, answer, call, finish, text
from tests.fakes.upstream import FakeUpstream, Request, _Connection


class LabProvider(FakeUpstream):
    host = ""

    @override
    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), self.host, self.port, backlog=1024
        )
        return self

    @override
    def scenario_for(self, request: Request) -> Scenario:
        if request.method != "POST":
            return super().scenario_for(request)
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            return text("The tool said: ", _plain(last["content"]))
        words = _plain(last["content"]).split("\n")[0].split(" ", 2)
        if words[0] == "words":
            return text(*numbered(int(words[1])), delay=float(words[2].split()[0]))
        if words[0] == "use":
            offered = [tool["function"]["name"] for tool in request.body.get("tools", [])]
            name = next((name for name in offered if name.endswith(words[1])), None)
            if name is None:
                return text(f"There is no {words[1]} among {', '.join(offered) or 'no tools'}.")
            return answer(call(words[2], call_id="call-1", name=name), finish("tool_calls"), DONE)
        return text("Hello ", "from ", "the ", "lab.")


def numbered(count: int) -> list[str]:
    return [f"word{number} " for number in range(count)]


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


async def main(host: str, port: int) -> None:
    provider = LabProvider(port=port)
    provider.host = host
    async with provider:
        print("listening", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
