"""Who may ask the server, and how much at once: what stands before every request.

Any page that a browser has open can send requests to this machine. So a request has to know the
token, name this server as its host, and, where it changes something, come from a page of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts and styles come from this server alone, and nothing is loaded from elsewhere."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # without one, forms have no origin either
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SAFE = ("GET", "HEAD")
MOST_BYTES = 20_000_000
"""Of one request; a larger one is refused."""


class Guard:
    """Lets requests through that come from the pages of this server."""

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        self.app, self.token, self.hosts = app, token, frozenset(hosts)
        # Cookies of one host reach all its ports: each server has one of its own name.
        self.cookie = "vorrat-" + hosts[0].rpartition(":")[2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope)
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self.hosts:
            await _refused(421, "This server has another name.")(scope, receive, sent)
        elif _too_large(headers):
            await _refused(413, "That is too large.")(scope, receive, sent)
        elif not self._is_own(scope["method"], headers):
            await _refused(403, "Only pages of this server may ask that.")(scope, receive, sent)
        elif self._knows(request.query_params.get("token")) and scope["method"] == "GET":
            # The token leaves the address, which people copy and send. A link from elsewhere brings
            # the cookie along; what changes something has to come from here all the same.
            response = RedirectResponse(str(request.url.remove_query_params("token")), 303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="lax")
            await response(scope, receive, sent)
        elif not self._knows(request.cookies.get(self.cookie)):
            text = "Open the page with 'vorrat open'; its address holds a token."
            await _refused(403, text)(scope, receive, sent)
        else:
            await self.app(scope, _bounded(receive), sent)

    def _knows(self, token: str | None) -> bool:
        return token is not None and secrets.compare_digest(token.encode(), self.token.encode())

    def _is_own(self, method: str, headers: Headers) -> bool:
        """Whether a request that may change something comes from a page of this server."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if method in SAFE:
            # A link from elsewhere may be followed; nothing may be embedded or read.
            return (
                site in (None, "same-origin", "none") or headers.get("sec-fetch-mode") == "navigate"
            )
        return origin in {f"http://{host}" for host in self.hosts} and site in (None, "same-origin")


def _refused(code: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", code)


def _too_large(headers: Headers) -> bool:
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > MOST_BYTES


def _bounded(receive: Receive) -> Receive:
    """What is received, up to a limit: its length may be a lie, or not be told."""
    got = 0

    async def some() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MOST_BYTES:
            return {"type": "http.disconnect"}
        return message

    return some
