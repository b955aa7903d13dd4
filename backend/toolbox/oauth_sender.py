"""Requests to a tool server, in the name of the person who signed in there.

Loaded with the SDK, when the first server is configured.
"""

from http import HTTPStatus

import httpx2

from backend.toolbox.oauth_discovery import challenge_of
from backend.toolbox.oauth_grants import Grant
from backend.toolbox.wire import Send
from backend.vault.service import origin_of


def signed(send: Send, grant: Grant) -> Send:
    """A refused token is renewed and the request sent once more: it did not run."""
    origin = origin_of(grant.sign_in.resource)

    async def sent(request: httpx2.Request) -> httpx2.Response:
        if origin_of(str(request.url)) != origin:
            return await send(request)
        token = await grant.token()
        if not token:  # its person signed out
            return await send(request)
        request.headers["Authorization"] = f"Bearer {token}"
        response = await send(request)
        try:
            is_renewed = await _heard(grant, token, response)
        except BaseException:
            await response.aclose()  # nobody else knows of it: its connection would stay taken
            raise
        if not is_renewed:
            return response
        await response.aclose()
        request.headers["Authorization"] = f"Bearer {grant.tokens.access}"
        return await send(request)

    return sent


async def _heard(grant: Grant, token: str, response: httpx2.Response) -> bool:
    """What it says about the sign-in; whether there is a newer token to try with. Raises
    RenewalFailedError."""
    if response.status_code == HTTPStatus.FORBIDDEN:
        refusal = challenge_of(response.headers.get("www-authenticate", ""))
        if refusal.error == "insufficient_scope":
            await grant.lack(refusal.scopes)
    return response.status_code == HTTPStatus.UNAUTHORIZED and await grant.renew(token)
