"""Conversations and turns, put together."""

from dataclasses import dataclass

from backend.attachments.service import Attachments
from backend.auth.audit_store import AuditStore
from backend.catalog.service import Catalog
from backend.chat.allowance import Allowance
from backend.chat.allowance_store import AllowanceStore
from backend.chat.closing import TurnCloser
from backend.chat.completions import Completions
from backend.chat.own_tools import DEMO_TOOLS
from backend.chat.preparing import Offer, TurnPreparer
from backend.chat.runner import TurnRunner
from backend.chat.service import ChatService
from backend.chat.spending_store import SpendingStore
from backend.chat.store import ConversationStore
from backend.chat.tally import Tally
from backend.chat.turn import TurnLimits
from backend.chat.turn_store import TurnStore
from backend.foundation import Foundation
from backend.kit.claims import Claims
from backend.memory.service import Memories
from backend.memory.tools import told_at_once
from backend.toolbox.servers import ToolServers
from backend.toolbox.service import Toolbox


@dataclass(frozen=True, slots=True)
class ChatParts:
    service: ChatService
    turns: TurnRunner
    allowance: Allowance
    completions: Completions
    tally: Tally


def build_chat(  # noqa: PLR0913  # what conversations stand on
    foundation: Foundation,
    catalog: Catalog,
    audit: AuditStore,
    memories: Memories,
    tool_servers: ToolServers,
    attachments: Attachments,
    *,
    claims: Claims,
    toolbox: Toolbox | None = None,
) -> ChatParts:
    """`claims`: on turns, among processes. `toolbox`: what turns use instead of the tool servers."""
    settings = foundation.settings.chat
    database, clock = foundation.database, foundation.clock
    hub, background = foundation.hub, foundation.background
    conversations, turn_store = ConversationStore(database, clock), TurnStore(database, clock)
    tally = Tally()
    turns = TurnRunner(
        store=turn_store,
        conversations=conversations,
        closer=TurnCloser(
            tally=tally,
            store=turn_store,
            conversations=conversations,
            catalog=catalog,
            hub=hub,
            background=background,
        ),
        preparer=TurnPreparer(
            catalog=catalog,
            offer=Offer(
                (lambda _: toolbox) if toolbox else tool_servers.toolbox_for,
                Toolbox(DEMO_TOOLS),
                told_at_once(memories, tool_servers.gate_for),
                attachments,
                settings.tool_share,
            ),
            limits=TurnLimits(settings.step_limit, settings.tool_error_limit, settings.cost_limit),
            ask_seconds=settings.ask_seconds,
            hub=hub,
            clock=clock,
        ),
        journal_days=settings.journal_days,
        claims=claims,
        hub=hub,
        background=background,
        clock=clock,
    )
    allowance = Allowance(
        AllowanceStore(database),
        audit,
        catalog,
        running_costs=turns.running_costs,
        zone=foundation.zone,
        clock=clock,
    )
    return ChatParts(
        service=ChatService(
            conversations=conversations,
            turns=turn_store,
            runner=turns,
            catalog=catalog,
            allowance=allowance,
            attachments=attachments,
            hub=hub,
            clock=clock,
            system_prompt=foundation.settings.openrouter.system_prompt,
        ),
        turns=turns,
        allowance=allowance,
        completions=Completions(
            tally=tally,
            catalog=catalog,
            allowance=allowance,
            spending=SpendingStore(database, clock),
            background=background,
            clock=clock,
        ),
        tally=tally,
    )
