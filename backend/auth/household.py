"""Who belongs to the household: what its owner decides about people."""

from collections.abc import Callable

from backend.auth.access import ForbiddenError
from backend.auth.household_store import Detach, HouseholdStore
from backend.auth.members import By, Member, PersonChange
from backend.auth.passwords import Passwords
from backend.auth.people import Caller, Origin
from backend.auth.store import AuthStore, NewPassword


class Household:
    """`on_ending`: called when somebody may have lost what they signed in with."""

    def __init__(
        self,
        store: HouseholdStore,
        accounts: AuthStore,
        passwords: Passwords,
        *,
        detach: Detach,
        on_ending: Callable[[], None],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._passwords = passwords
        self._detach = detach
        self._on_ending = on_ending

    async def members(self) -> list[Member]:
        return await self._store.members()

    async def change(
        self, caller: Caller, person_id: str, change: PersonChange, *, origin: Origin
    ) -> Member:
        """Raises NotFoundError, LastOwnerError, EmailTakenError."""
        member = await self._store.change(person_id, change, _by(caller, origin))
        self._on_ending()
        return member

    async def reset(self, caller: Caller, person_id: str, password: str, *, origin: Origin) -> None:
        """For somebody who lost their password or second factor.

        Raises NotFoundError, WeakPasswordError, ForbiddenError.
        """
        if person_id == caller.user.id:
            # It would let whoever holds an owner's session or key take the account over.
            raise ForbiddenError("Change your own password in your account, with the current one.")
        member = await self._store.member(person_id)
        password_hash = await self._passwords.hash(password)
        await self._accounts.set_password(
            NewPassword(person_id, password_hash, removes_second_factor=True),
            _by(caller, origin).event("person_reset", member.user.username),
        )
        self._on_ending()

    async def remove(self, caller: Caller, person_id: str, *, origin: Origin) -> None:
        """With all that is theirs. Raises NotFoundError, LastOwnerError."""
        await self._store.remove(person_id, _by(caller, origin), self._detach)
        self._on_ending()


def _by(caller: Caller, origin: Origin) -> By:
    return By(caller.user.username, origin.address)
