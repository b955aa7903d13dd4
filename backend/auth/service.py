"""Accounts: the first one, people, signing in, passwords."""

from dataclasses import dataclass
from typing import ClassVar

from backend.auth.audit_store import AuditEvent, AuditKind
from backend.auth.callers import Callers, NotSignedInError, Recognised, Shown
from backend.auth.passwords import Passwords
from backend.auth.people import Caller, Origin, Role, User
from backend.auth.sessions import Sessions, SignedIn, TokenPair, Way
from backend.auth.setup_code import SetupCode
from backend.auth.sign_in import Proof, SignIn
from backend.auth.store import AuthStore, NewPassword, SetupDoneError
from backend.kit.clock import Clock
from backend.kit.errors import AppError, NotFoundError
from backend.kit.ids import new_id


class SetupCodeWrongError(AppError):
    code: ClassVar[str] = "setup_code_wrong"
    status = 403


@dataclass(frozen=True, slots=True)
class NewPerson:
    username: str
    password: str
    display_name: str
    role: Role
    email: str | None = None


class AuthService:
    def __init__(  # noqa: PLR0913  # wired in one place, accounts.py
        self,
        people: AuthStore,
        sessions: Sessions,
        callers: Callers,
        *,
        sign_in: SignIn,
        passwords: Passwords,
        setup_code: SetupCode,
        clock: Clock,
    ) -> None:
        self._people = people
        self._sessions = sessions
        self._callers = callers
        self._sign_in = sign_in
        self._passwords = passwords
        self._setup_code = setup_code
        self._clock = clock
        self._set_up = False

    # --- people ------------------------------------------------------------------------------

    async def needs_setup(self) -> bool:
        if not self._set_up:
            self._set_up = await self._people.has_people()
        return not self._set_up

    async def setup_code(self) -> str | None:
        """The code for the set-up link, None once somebody exists."""
        if await self.needs_setup():
            return self._setup_code.read_or_make()
        self._setup_code.discard()
        return None

    async def register_owner(
        self, code: str, username: str, password: str, display_name: str, *, origin: Origin
    ) -> SignedIn:
        """Raises SetupDoneError, SetupCodeWrongError, WeakPasswordError."""
        if not await self.needs_setup():
            raise SetupDoneError("Parlor is set up already; ask its owner for an account.")
        if not self._setup_code.matches(code):
            raise SetupCodeWrongError(
                "That set-up code is not the current one. `parlor users setup-link` prints it."
            )
        user = await self.add(username, password, display_name, role="owner", first=True)
        self._setup_code.discard()
        return await self.open_session(user, origin, way="set-up")

    async def add(
        self, username: str, password: str, display_name: str, *, role: Role, first: bool = False
    ) -> User:
        """Raises WeakPasswordError, NameTakenError, SetupDoneError."""
        person = NewPerson(username, password, display_name, role)
        return await self.add_person(person, actor="", address="", first=first)

    async def add_person(
        self, person: NewPerson, *, actor: str, address: str, first: bool = False
    ) -> User:
        """Raises WeakPasswordError, NameTakenError, SetupDoneError."""
        user = User(
            id=new_id("user", self._clock),
            username=person.username,
            display_name=person.display_name or person.username,
            role=person.role,
            email=person.email,
        )
        kind: AuditKind = "owner_made" if person.role == "owner" else "person_added"
        event = AuditEvent(kind, actor, user.username, f"role: {user.role}", address)
        password_hash = await self._passwords.hash(person.password)
        await self._people.add(user, password_hash, event, first=first)
        return user

    async def people(self) -> list[User]:
        return await self._people.people()

    async def rename(self, caller: Caller, display_name: str) -> User:
        """Raises NotSignedInError."""
        user = await self._people.rename(caller.user.id, display_name)
        if user is None:
            raise NotSignedInError
        self.forget()
        return user

    # --- signing in --------------------------------------------------------------------------

    async def login(self, username: str, password: str, *, origin: Origin) -> SignedIn:
        """A browser's session. Raises what `login_with` raises."""
        return await self.login_with(Proof(username, password), origin)

    async def login_with(self, proof: Proof, origin: Origin) -> SignedIn:
        """Raises WrongCredentialsError, SecondFactorRequiredError, WrongCodeError,
        TooManyAttemptsError."""
        proven = await self._sign_in.prove(proof, origin)
        return await self.open_session(proven.user, origin, password_hash=proven.password_hash)

    async def login_program(self, proof: Proof, origin: Origin) -> TokenPair:
        """As `login_with`."""
        proven = await self._sign_in.prove(proof, origin)
        return await self._sessions.open_tokens(
            proven.user, origin, password_hash=proven.password_hash
        )

    async def open_session(
        self,
        user: User,
        origin: Origin,
        *,
        way: Way = "password",
        password_hash: str | None = None,
    ) -> SignedIn:
        """As `Sessions.open`."""
        self._set_up = True
        return await self._sessions.open(user, origin, way=way, password_hash=password_hash)

    # --- who is calling ----------------------------------------------------------------------

    async def identify(self, shown: Shown, origin: Origin) -> Recognised:
        """An `Authorization` header decides alone. Raises NotSignedInError."""
        return await self._callers.identify(shown, origin)

    def forget(self) -> None:
        """Some credential has ended: from now on it is refused, and streams it opened close."""
        self._callers.forget()

    # --- passwords ---------------------------------------------------------------------------

    async def change_password(
        self, caller: Caller, current: str, new: str, *, origin: Origin
    ) -> None:
        """Ends everything else that this person is signed in with.

        Raises WrongCredentialsError, WeakPasswordError, TooManyAttemptsError.
        """
        await self._sign_in.confirm(caller, current, origin=origin)
        changed = NewPassword(
            caller.user.id, await self._passwords.hash(new), kept_session=caller.credential_id
        )
        name = caller.user.username
        event = AuditEvent("password_changed", name, name, address=origin.address)
        await self._people.set_password(changed, event)
        self.forget()

    async def confirm_password(self, caller: Caller, password: str, *, origin: Origin) -> None:
        """Before something that a stolen session may not do.

        Raises WrongCredentialsError, TooManyAttemptsError.
        """
        await self._sign_in.confirm(caller, password, origin=origin)

    async def reset(self, username: str, password: str, *, second_factor: bool = False) -> User:
        """From the host itself: for somebody who is locked out. Ends that person's sessions and
        tokens; with `second_factor`, their codes and passkeys are removed as well.

        Raises NotFoundError, WeakPasswordError.
        """
        account = await self._people.account(username)
        if account is None:
            raise NotFoundError(f"There is nobody named {username!r}.")
        changed = NewPassword(
            account.user.id,
            await self._passwords.hash(password),
            removes_second_factor=second_factor,
        )
        detail = "on the host" + (", second factor removed" if second_factor else "")
        event = AuditEvent("person_reset", "", account.user.username, detail)
        await self._people.set_password(changed, event)
        self.forget()
        return account.user

    async def rotate_key(self) -> None:
        """Tokens are signed with a new key from now on; old ones are read for their life."""
        await self._sessions.rotate_key()
