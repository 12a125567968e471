"""Who may ask the server, and how much at once: what stands before every request.

Any page that a browser has open can send requests to this machine. So a request has to know a
token or a secret, name this server as its host, and, where it changes something, come from a page
of it.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
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


HEALTH, USER = "/health", "vorrat.user"
SECRET = "x-vorrat-secret"
"""The header by which the proxy of a server shows that a request comes through it."""
LEAST_SECRET = 32
"""Characters of a secret."""
LONGEST_NAME = 200
"""Characters of the name of a user."""


class Guard(ABC):
    """Lets requests through that come from the pages of this server; who it is that asks, and
    whether he may, is for those who inherit."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], scheme: str = "http") -> None:
        self.app, self.hosts = app, frozenset(hosts)
        self.origins = {f"{scheme}://{host}" for host in hosts}

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

        request, headers = Request(scope), Headers(scope=scope)
        answer: Response | None
        if headers.get("host", "") not in self.hosts:
            answer = _refused(421, "This server has another name.")
        elif _too_large(headers):
            answer = _refused(413, "That is too large.")
        elif not self._is_own(scope["method"], headers):
            answer = _refused(403, "Only pages of this server may ask that.")
        else:
            answer = self.enter(request)
        if answer is None:
            await self.app(scope, _bounded(receive), sent)
        else:
            await answer(scope, receive, sent)

    @abstractmethod
    def enter(self, request: Request) -> Response | None:
        """The answer to who may not go on; None for who may."""

    def _is_own(self, method: str, headers: Headers) -> bool:
        """Whether a request that may change something comes from a page of this server."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if method in SAFE:
            # A link from elsewhere may be followed; nothing may be embedded or read.
            return (
                site in (None, "same-origin", "none") or headers.get("sec-fetch-mode") == "navigate"
            )
        return origin in self.origins and site in (None, "same-origin")


class TokenGuard(Guard):
    """Of a page on this machine: who has its address with the token may ask."""

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        super().__init__(app, hosts)
        self.token = token
        # Cookies of one host reach all its ports: each server has one of its own name.
        self.cookie = "vorrat-" + hosts[0].rpartition(":")[2]

    def enter(self, request: Request) -> Response | None:
        """Turn the token of an address into a cookie, and ask for that."""
        if _same(request.query_params.get("token"), self.token) and request.method == "GET":
            # The token leaves the address, which people copy and send. A link from elsewhere brings
            # the cookie along; what changes something has to come from here all the same.
            response = RedirectResponse(str(request.url.remove_query_params("token")), 303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="lax")
            return response
        if not _same(request.cookies.get(self.cookie), self.token):
            return _refused(403, "Open the page with 'vorrat open'; its address holds a token.")
        return None


class ProxyGuard(Guard):
    """Of a server behind a proxy, which knows who somebody is and says so by a header. That it is
    the proxy who says it, a secret shows that both know."""

    def __init__(self, app: ASGIApp, secret: str, address: str, header: str) -> None:
        scheme, _, host = address.partition("://")
        usual = {"https": 443, "http": 80}[scheme]
        super().__init__(app, [host, f"{host}:{usual}"], scheme)
        self.secret, self.header = secret, header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """That the server is there is told to everybody, such as what begins it anew."""
        if scope["type"] == "http" and scope["path"] == HEALTH and scope["method"] in SAFE:
            await PlainTextResponse("here\n")(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def enter(self, request: Request) -> Response | None:
        """Ask for the secret, and take the user's name."""
        if not _same(request.headers.get(SECRET), self.secret):
            return _refused(403, "Requests reach this server through its proxy alone.")
        names = request.headers.getlist(self.header)
        if len(names) != 1 or not names[0].strip() or len(names[0]) > LONGEST_NAME:
            return _refused(403, "The proxy has not said who you are.")
        name = names[0]  # read as Latin-1; people's names are more often written in UTF-8
        with suppress(UnicodeDecodeError):
            name = name.encode("latin-1").decode("utf-8")
        request.scope[USER] = name.strip()
        return None


def user_of(request: Request) -> str:
    """Who asks, as the proxy of a server says; empty on this machine."""
    return str(request.scope.get(USER, ""))


def _same(given: str | None, wanted: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), wanted.encode())


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
