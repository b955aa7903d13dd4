"""What a person may use is asked before a turn begins; what remains of it goes with the turn."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import ClassVar
from zoneinfo import ZoneInfo

from backend.auth.audit_store import AuditEvent, AuditStore
from backend.auth.limits import (
    allows,
    day_start,
    is_nearly_used,
    model_allowed,
    next_start,
    within_hours,
)
from backend.auth.people import Limits, User
from backend.catalog.service import Catalog
from backend.chat.allowance_store import AllowanceStore, Remembered
from backend.chat.records import NO_METADATA, ConversationMetadata
from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.messages import ModelInfo


class NotAllowedError(AppError):
    """The limits of a person's account do not allow something."""

    code: ClassVar[str] = "not_allowed"
    status = 403


class ModelNotAllowedError(NotAllowedError):
    code = "model_not_allowed"


class ProductNotAllowedError(NotAllowedError):
    code = "product_not_allowed"


class AgentNotAllowedError(NotAllowedError):
    code = "agent_not_allowed"


class OutsideHoursError(NotAllowedError):
    code = "outside_hours"


class DailyBudgetReachedError(NotAllowedError):
    code = "daily_budget_reached"


@dataclass(frozen=True, slots=True)
class Wish:
    """The turn that somebody wants to begin."""

    model: str | None = None
    conversation_id: str | None = None
    metadata: ConversationMetadata = NO_METADATA
    """Of the conversation that it begins."""
    client_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """What a turn may use."""

    dollars: float | None = None
    tools: tuple[str, ...] | None = None
    """Patterns of names; None: all."""
    when_over: Callable[[], Coroutine[None, None, None]] | None = None


class Allowance:
    """`running_costs`: what the turns that still run have cost so far, for each person."""

    def __init__(
        self,
        store: AllowanceStore,
        audit: AuditStore,
        catalog: Catalog,
        *,
        running_costs: Callable[[], Mapping[str, float]],
        zone: ZoneInfo,
        clock: Clock,
    ) -> None:
        self._store = store
        self._audit = audit
        self._catalog = catalog
        self._running_costs = running_costs
        self._zone = zone
        self._clock = clock
        self._told: dict[str, date] = {}

    # --- before a turn -----------------------------------------------------------------------

    async def permit(self, user: User, wish: Wish) -> Permit:
        """Raises NotAllowedError with a code of its own for each limit, and NotFoundError."""
        limits = user.limits
        if limits == Limits():
            return Permit()
        if wish.client_message_id and await self._store.has_begun(user.id, wish.client_message_id):
            return Permit(0.0, ())  # sent again: that turn is there, and no other begins
        place = Remembered(metadata=wish.metadata)
        if wish.conversation_id is not None:
            place = await self._store.remembered(user.id, wish.conversation_id)
        self.check_metadata(user, place.metadata)
        self.check_model(user, wish.model or place.model or self.default_model(user))
        self._check_hours(limits)
        if limits.dollars_a_day is None:
            return Permit(tools=limits.tools)
        left = limits.dollars_a_day - await self._spent(user)
        if left <= 0:
            await self._tell_owner(user)
            raise _budget_reached(limits.dollars_a_day)
        return Permit(left, limits.tools, partial(self._tell_owner, user))

    def check_model(self, user: User, model: str) -> None:
        """Raises ModelNotAllowedError."""
        if not model_allowed(user.limits, model):
            raise ModelNotAllowedError(
                f"Your account may not use the model {model[:200]}. Choose another one."
            )

    def check_metadata(self, user: User, metadata: ConversationMetadata) -> None:
        """Raises ProductNotAllowedError, AgentNotAllowedError."""
        product, agent = metadata.product_id, metadata.agent_id
        if product is not None and not allows(user.limits.products, product):
            raise ProductNotAllowedError(f"Your account may not use the product {product}.")
        if agent is not None and not allows(user.limits.agents, agent):
            raise AgentNotAllowedError(f"Your account may not use the agent {agent}.")

    def _check_hours(self, limits: Limits) -> None:
        now = self._clock.now()
        if limits.hours is None or within_hours(limits.hours, now, self._zone):
            return
        if not limits.hours:
            raise OutsideHoursError("Chatting is switched off for your account.")
        windows = " and ".join(f"from {one.start} to {one.end}" for one in limits.hours)
        raise OutsideHoursError(
            f"Your account may chat {windows}; it is {now.astimezone(self._zone):%H:%M} now."
            f" It goes on at {next_start(limits.hours, now, self._zone)}."
        )

    # --- what is on offer --------------------------------------------------------------------

    def default_model(self, user: User) -> str:
        """The household's, or one that this person may use."""
        usual = self._catalog.default_model
        if model_allowed(user.limits, usual):
            return usual
        listed = (one.id for one in self._catalog.models() if model_allowed(user.limits, one.id))
        named = (one for one in user.limits.models or () if "*" not in one)
        return next(listed, next(named, usual))

    def models(self, user: User, *, search: str, tools_only: bool) -> list[ModelInfo]:
        found = self._catalog.models(search=search, tools_only=tools_only)
        return [model for model in found if model_allowed(user.limits, model.id)]

    # --- money -------------------------------------------------------------------------------

    async def spent_today(self) -> dict[str, float]:
        """Person -> dollars since the household's midnight."""
        spent = await self._store.spent(self._midnight())
        for person, cost in self._running_costs().items():
            spent[person] = spent.get(person, 0.0) + cost
        return spent

    async def _spent(self, user: User) -> float:
        ended = await self._store.spent(self._midnight(), user.id)
        return ended.get(user.id, 0.0) + self._running_costs().get(user.id, 0.0)

    async def _tell_owner(self, user: User) -> None:
        """Once a day, when most of the day's money is gone."""
        budget, since = user.limits.dollars_a_day, self._midnight()
        if budget is None or self._told.get(user.id) == since.date():
            return
        spent = await self._spent(user)
        if is_nearly_used(spent, budget):
            detail = f"${spent:.2f} of ${budget:.2f}"
            event = AuditEvent("budget_nearly_used", user.username, user.username, detail)
            await self._audit.add_once(event, since)
            self._told[user.id] = since.date()

    def _midnight(self) -> datetime:
        return day_start(self._clock.now(), self._zone)


def _budget_reached(budget: float) -> DailyBudgetReachedError:
    if budget == 0:
        return DailyBudgetReachedError(
            "Your allowance is 0.00 $ a day, so your account gets no answers."
            " Ask the owner of this Parlor."
        )
    return DailyBudgetReachedError(
        f"Your allowance for today (${budget:.2f}) is used up. It starts anew at midnight."
    )
