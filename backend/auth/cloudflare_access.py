"""Signing in by way of Cloudflare Access, which stands in front of a tunnel and asks people there.

Its header alone is worth nothing: whoever reaches Parlor past the tunnel can write it too. So the
connection has to come from the trusted proxy, and the token in it has to be signed by the team.
"""

import structlog

from backend.auth.identity_store import IdentityStore
from backend.auth.people import Origin
from backend.auth.service import AuthService
from backend.auth.sessions import SignedIn
from backend.auth.signed_tokens import Expected, PublishedKeys, TokenRefusedError, verified
from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.kit.outbound import FetchFailedError

CERTIFICATES = "/cdn-cgi/access/certs"

_log = structlog.get_logger()


class AccessInvalidError(AppError):
    code = "access_invalid"
    status = 401

    def __init__(self) -> None:
        super().__init__("Cloudflare Access did not sign you in. Use your name and password.")


class CloudflareAccess:
    def __init__(
        self,
        expected: Expected,
        keys: PublishedKeys,
        store: IdentityStore,
        accounts: AuthService,
        *,
        clock: Clock,
        keys_url: str | None = None,
    ) -> None:
        self._expected = expected
        self._keys = keys
        self._keys_url = keys_url or expected.issuer + CERTIFICATES
        self._store = store
        self._accounts = accounts
        self._clock = clock

    async def sign_in(
        self, assertion: str | None, *, is_from_proxy: bool, origin: Origin
    ) -> SignedIn:
        """Raises AccessInvalidError, in the same words whatever is wrong; NotSignedInError for
        somebody who may not sign in any more."""
        if not assertion or not is_from_proxy:
            raise _refused("not through the proxy" if assertion else "no assertion")
        try:
            claims = await verified(
                assertion, self._keys, self._keys_url, self._expected, self._clock
            )
        except (TokenRefusedError, FetchFailedError) as error:
            raise _refused(str(error)) from error
        email = claims.get("email")
        user = (
            await self._store.person_by_email(email) if isinstance(email, str) and email else None
        )
        if user is None:
            raise _refused("nobody here has that mail address")
        return await self._accounts.open_session(user, origin, way="access")


def _refused(reason: str) -> AccessInvalidError:
    _log.debug("access_refused", reason=reason)
    return AccessInvalidError()
