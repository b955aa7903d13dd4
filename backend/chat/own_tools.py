"""All of Parlor's own tools: they run in this process and know for whom."""

from backend.chat.search_store import ChatSearch
from backend.chat.tools import chat_tools
from backend.memory.service import Memories
from backend.memory.tools import memory_tools
from backend.messages import JsonObject
from backend.providers import demo_tools
from backend.toolbox.context import CallContext
from backend.toolbox.service import Tool


def own_tools(memories: Memories, search: ChatSearch, *, with_demo: bool) -> list[Tool]:
    return [*memory_tools(memories), *chat_tools(search), *(DEMO_TOOLS if with_demo else ())]


def _demo_tool(demo: demo_tools.DemoTool) -> Tool:
    async def run(arguments: JsonObject, _: CallContext) -> str:
        return await demo.run(arguments)

    return Tool(demo.spec, run)


DEMO_TOOLS = tuple(map(_demo_tool, demo_tools.DEMO_TOOLS))
