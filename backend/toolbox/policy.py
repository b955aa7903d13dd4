"""Whether a call may run: allow, ask or deny, by what the tool is, whose it is, what this person
chose, and what the conversation has read before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from backend.auth.limits import allows
from backend.messages import JsonObject
from backend.toolbox.calls import unreachable
from backend.toolbox.context import (
    Approval,
    ApprovalReason,
    CallContext,
    Choice,
    Decision,
    Seen,
    Who,
)
from backend.toolbox.paging import READ_MORE
from backend.toolbox.policy_memory import Approvals, Change
from backend.toolbox.records import CallFailedError, RemoteTool, ToolHints
from backend.toolbox.service import AnyTool, ServerTool, Tool

type Policy = Literal["allow", "ask", "deny"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts about a tool for one person. `hints`: the believed ones.

    `is_known`: the operator chose its server, or the owner approved its words.
    """

    hints: ToolHints
    is_known: bool = True
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    policy: Policy
    reason: ApprovalReason | None = None


def verdict_on(standing: Standing, *, after_untrusted: bool) -> Verdict:
    """Pure. A yes for ever does not reach past untrusted content where something is changed."""
    writes = not standing.hints.read_only
    if standing.choice == "deny":
        return Verdict("deny")
    if writes and after_untrusted:
        return Verdict("ask", "untrusted_content")
    if standing.choice == "allow":
        return Verdict("allow")
    if standing.choice is None and not writes and not standing.hints.open_world:
        return Verdict("allow")
    if not standing.is_known:
        return Verdict("ask", "unknown_server")
    if writes:
        return Verdict("ask", "writes")
    return Verdict("ask", "outside" if standing.hints.open_world else "chosen")


class PersonGate:
    """The policy for one person. `find_former`: a tool that had a name at some time. `is_on`:
    whether a tool is switched on now, which may be newer than the turn."""

    def __init__(
        self,
        approvals: Approvals,
        who: Who,
        find_former: Callable[[str], ServerTool | None],
        is_on: Callable[[ServerTool], bool] = lambda _: True,
    ) -> None:
        self._approvals = approvals
        self._who = who
        self._find_former = find_former
        self._is_on = is_on

    # --- what is so -----------------------------------------------------------------------------

    def standing(self, tool: AnyTool) -> Standing:
        if isinstance(tool, Tool):
            own = self._approvals.choice(self._who.user_id, ("", tool.spec.name), None)
            return Standing(tool.hints, choice=own)
        is_known, remote = self.is_known(tool), current(tool)
        ours = tool.server.definition.is_ours
        choice = self._approvals.choice(self._who.user_id, tool.key, remote, reworded=ours)
        return Standing(remote.hints if is_known else ToolHints(), is_known, choice)

    def is_known(self, tool: AnyTool) -> bool:
        """Whether the operator chose where it comes from, or the owner approved its words."""
        if isinstance(tool, Tool) or tool.server.definition.is_trusted:
            return True
        return self._approvals.is_pinned(tool.key[0], current(tool))

    def judge(self, tool: AnyTool, seen: Seen) -> Verdict:
        return verdict_on(self.standing(tool), after_untrusted=bool(seen.latest))

    def change(self, tool: AnyTool) -> Change | None:
        """A tool that says something else than what was approved is of no use until a person
        has looked; unless a release of Parlor itself has other words for it."""
        user_id = self._who.user_id
        if isinstance(tool, Tool) or tool.server.definition.is_ours:
            return None
        if not self._approvals.knows(user_id, tool.key):
            return None
        return self._approvals.change(user_id, tool.key[0], current(tool))

    def is_untrusted(self, name: str, tool: AnyTool | None) -> bool:
        tool = tool or self._find_former(name)
        if name == READ_MORE.name or tool is None:
            return True
        standing = self.standing(tool)
        gives = isinstance(tool, Tool) and tool.gives_untrusted
        return gives or standing.hints.open_world or not standing.is_known

    def missing(self, name: str) -> str:
        tool = self._find_former(name)
        if tool is None or not any(allows(self._who.tools, one) for one in tool.names):
            return ""
        server = tool.server
        if not server.is_on or server.state.name in ("failed", "needs_sign_in"):
            return str(unreachable(server, "" if server.is_on else "it is switched off"))
        if self.change(tool) is not None:
            return _changed(tool)
        return f"{server.definition.name} does not offer {name} any more, or it is switched off."

    # --- a call ---------------------------------------------------------------------------------

    async def check(self, tool: AnyTool, arguments: JsonObject, context: CallContext) -> None:
        """Returns when it may run. Raises CallFailedError with words for the model."""
        self._check_switches(tool)
        if self.change(tool) is not None:
            raise CallFailedError(_changed(tool))
        verdict = self.judge(tool, context.seen)
        if verdict.policy == "deny":
            raise CallFailedError(f"This person does not allow {tool.spec.name}. Do not try again.")
        if verdict.policy == "allow" or verdict.reason is None:
            return
        asked = _current_or_none(tool)
        approval = _approval(tool, arguments, verdict.reason, context.seen.latest)
        decision = await context.approve(approval)
        await self._remember(tool, asked, approval, decision)
        if not decision.allowed:
            raise CallFailedError(_refusal(tool.spec.name, decision))
        if _current_or_none(tool) != asked:  # while the person read the old words
            raise CallFailedError(_changed(tool))
        self._check_switches(tool)

    def _check_switches(self, tool: AnyTool) -> None:
        if not isinstance(tool, ServerTool):
            return
        if not tool.server.is_on:
            raise unreachable(tool.server, "it is switched off")
        if not self._is_on(tool):
            raise CallFailedError(f"{tool.spec.name} is switched off.")

    async def _remember(
        self, tool: AnyTool, asked: RemoteTool | None, approval: Approval, decision: Decision
    ) -> None:
        """`asked`: the tool as the person saw it."""
        key = tool.key if isinstance(tool, ServerTool) else ("", tool.spec.name)
        pins = decision.allowed and decision.for_house and asked is not None
        choice: Choice | None = None
        if not decision.allowed:
            choice = "deny" if decision.remember else None
        elif decision.remember and approval.can_remember:
            choice = "allow"
        elif asked and not pins and self._approvals.choice(self._who.user_id, key, asked) is None:
            choice = "ask"  # its words are approved, and watched from now on
        if choice is not None:
            await self._approvals.choose(self._who.user_id, key, asked, choice)
        if pins and asked is not None:
            await self._approvals.pin(key[0], asked)


def current(tool: ServerTool) -> RemoteTool:
    """The tool as its server describes it now, which may be newer than the turn."""
    return tool.server.listing.tool(tool.remote.name) or tool.remote


def _current_or_none(tool: AnyTool) -> RemoteTool | None:
    return current(tool) if isinstance(tool, ServerTool) else None


def _approval(
    tool: AnyTool, arguments: JsonObject, reason: ApprovalReason, source: str
) -> Approval:
    server = tool.server.definition.name if isinstance(tool, ServerTool) else ""
    remote = _current_or_none(tool)
    details: dict[ApprovalReason, str] = {
        "writes": "It can change something.",
        "outside": "It reaches out of this house.",
        "chosen": "You want to be asked each time.",
        "unknown_server": f"Nobody has approved what {server} says of this tool.",
        "untrusted_content": (
            f"It can change something, and this conversation has read what strangers may have"
            f" written ({source})."
        ),
    }
    return Approval(
        tool=tool.spec.name,
        title=remote.title if remote else "",
        server=server,
        description=remote.description if remote else tool.spec.description,
        arguments=arguments,
        reason=reason,
        detail=details[reason],
        can_remember=reason != "untrusted_content",
        names=tool.names,
    )


def _refusal(name: str, decision: Decision) -> str:
    if decision.expired:
        return f"Nobody answered whether {name} may run, so it did not. Ask before trying again."
    return f"The person said no to {name}; it did not run. Do not try again unless they ask for it."


def _changed(tool: AnyTool) -> str:
    server = tool.server.definition.name if isinstance(tool, ServerTool) else "Parlor"
    return (
        f"{server} has changed what {tool.spec.name} says of itself since it was approved."
        " It stays off until a person has looked at the change on the tools page."
    )
