"""Middleware in front of the server that decides who may send requests.

Any page that is open in a browser can send requests to this machine. So a request must have a token
and name this server as its host. If it changes something, it must come from a page of this server.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.language import tr

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
)
"""Scripts and styles come from this server only, and nothing is loaded from elsewhere."""
RESPONSE_HEADERS = {
    "Referrer-Policy": "same-origin",  # without one, forms have no origin either
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
READ_METHODS = ("GET", "HEAD")
LINKABLE_PATHS = ("/", "/board")
"""Paths to which links on other sites may lead."""
MAX_UPLOAD_BYTES, MAX_REQUEST_BYTES = 20_000_000, 1_000_000
"""Maximal bytes of an uploaded file, and of any other request."""
MAX_UPLOADS = 2
"""Maximal number of simultaneous uploads, since they are held in memory."""
STALL_SECONDS, MIN_UPLOAD_RATE = 30.0, 100_000.0
"""Seconds without data after which an upload is aborted, and the minimal rate in bytes per second
that it needs after that time."""
TOKEN_HEADER = "x-vorrat-token"
"""Header in which a proxy that has logged the user in may send the token."""
UPLOAD_PATH, FOREIGN_KEY = "/drop", "vorrat.foreign"


class BaseUrl(NamedTuple):
    """The address at which a proxy offers the page; empty without a proxy. The proxy removes
    ``path`` from requests."""

    origin: str = ""
    path: str = ""  # does not end with a slash


class BodyNotReceived(Exception):
    """Raised if a request body is not received completely, with the status and the text of the
    response that reports this."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RequestGuard:
    """Passes on requests that come from pages of this server and have the token, and refuses all
    others. A GET request whose address has the token is redirected and receives a cookie."""

    def __init__(self, app: ASGIApp, token: str, port: int, base: BaseUrl) -> None:
        self.app, self.token, self.base, self.upload_count = app, token, base, 0
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.origins = {f"http://{host}" for host in self.hosts}
        frames, self.headers = "'none'", {**RESPONSE_HEADERS, "X-Frame-Options": "DENY"}
        if base.origin:
            scheme, _, host = base.origin.partition("://")
            self.hosts |= {host, f"{host}:{ {'https': 443, 'http': 80}[scheme] }"}
            self.origins.add(base.origin)
            # ShinyProxy and JupyterLab show pages in frames of their own.
            frames, self.headers["X-Frame-Options"] = "'self'", "SAMEORIGIN"
        self.headers["Content-Security-Policy"] = CONTENT_POLICY + frames
        # Cookies are shared by all ports of a host, so each server has its own cookie name.
        self.cookie = f"vorrat-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, is_upload = Headers(scope=scope), scope["path"] == UPLOAD_PATH
        max_bytes = MAX_UPLOAD_BYTES if is_upload else MAX_REQUEST_BYTES
        body, has_started = _LimitedBody(receive, headers, max_bytes), False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                response_headers = MutableHeaders(scope=message)
                response_headers.update(self.headers)
                response_headers.setdefault("Cache-Control", "no-store")
                if not body.is_complete:  # do not wait for the rest of it
                    response_headers["Connection"] = "close"
            await send(message)

        answer = self._refuse(Request(scope), body) or self._refuse_without_token(Request(scope))
        if answer is None and is_upload and self.upload_count >= MAX_UPLOADS:
            answer = _refusal(429, tr("You are uploading other files. Wait until these have come."))
        if answer is not None:
            await answer(scope, receive, send_with_headers)
            return
        self.upload_count += is_upload
        try:
            await self.app(scope, receive if body.is_complete else body, send_with_headers)
        except asyncio.CancelledError:  # uvicorn would log it with a traceback
            with suppress(asyncio.CancelledError, Exception):
                if has_started:
                    await send_with_headers({"type": "http.response.body"})
                else:
                    refusal = _refusal(503, "The server is ending.")
                    await refusal(scope, receive, send_with_headers)
        finally:
            self.upload_count -= is_upload

    def _refuse(self, request: Request, body: _LimitedBody) -> Response | None:
        """Return a response that refuses a request with another host, a body that is not allowed,
        or another origin; None if it is allowed."""
        size = request.headers.get("content-length", "0")
        if request.headers.get("host", "") not in self.hosts:
            return _refusal(421, "This server has another name.")
        if not size.isdecimal() or int(size) > body.max_bytes:
            return _refusal(413, "That is too large.")
        if request.method in READ_METHODS and not body.is_complete:
            return _refusal(400, "What only reads has no body.")
        if not self._is_allowed_origin(request):
            return _refusal(403, "Only pages of this server may ask that.")
        return None

    def _is_allowed_origin(self, request: Request) -> bool:
        """Check that a request comes from a page of this server, or that it follows a link from
        another site to a page that allows this and is not in a frame. Requests from other sites are
        marked in the scope."""
        headers = request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if request.method not in READ_METHODS:
            return origin in self.origins and site in (None, "same-origin")
        if site is None:  # no browser, or an old one, which sends Origin or Referer
            from_page = origin or headers.get("referer")
            is_own = (
                _origin_of(from_page) in self.origins
                if from_page
                else not headers.get("user-agent", "").startswith("Mozilla/")
            )
        else:
            is_own = site in ("same-origin", "none")
        request.scope[FOREIGN_KEY] = not is_own
        return is_own or (
            request.scope["path"] in LINKABLE_PATHS
            and headers.get("sec-fetch-mode") in (None, "navigate")
            and headers.get("sec-fetch-dest") in (None, "document")
        )

    def _refuse_without_token(self, request: Request) -> Response | None:
        """Return None if a request has the token in its cookie or from the proxy, a redirect that
        sets the cookie if it has it in its address, and else a response that refuses it."""
        if self._is_token(request.query_params.get("token")) and request.method == "GET":
            # Remove the token from the address, which users may copy and send. With SameSite=Lax a
            # link from another site sends the cookie, but changes need an origin of this server.
            query = request.url.remove_query_params("token").query
            address = f"{self.base.path}{request.scope['path']}" + (f"?{query}" if query else "")
            response = RedirectResponse(address, 303)
            is_encrypted = self.base.origin.startswith("https:")
            response.set_cookie(
                self.cookie, self.token, path=self.base.path or "/", secure=is_encrypted,
                httponly=True, samesite="lax",
            )  # fmt: skip
            return response
        given = request.cookies.get(self.cookie), request.headers.get(TOKEN_HEADER)
        if not any(map(self._is_token, given)):
            return _refusal(403, "Open the page with 'vorrat open'; its address holds a token.")
        return None

    def _is_token(self, given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())


def is_foreign(request: Request) -> bool:
    """Return whether a request follows a link on another site, or may follow one."""
    return bool(request.scope.get(FOREIGN_KEY))


def _refusal(code: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", code)


def _origin_of(address: str) -> str:
    with suppress(ValueError):
        url_parts = urlsplit(address)
        return f"{url_parts.scheme}://{url_parts.netloc}"
    return ""


class _LimitedBody:
    """Receives a request body, with limits on size and time. It does not rely on the declared
    length, which may be wrong or missing."""

    def __init__(self, receive: Receive, headers: Headers, max_bytes: int) -> None:
        self.receive, self.max_bytes, self.received = receive, max_bytes, 0
        self.is_complete = (
            headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        )
        self.started = asyncio.get_running_loop().time()

    async def __call__(self) -> Message:
        """Receive the next part of the body. Raise BodyNotReceived if a limit is exceeded."""
        if self.is_complete:
            return await self.receive()
        try:
            timeout_start = min(
                self.started + self.received / MIN_UPLOAD_RATE, asyncio.get_running_loop().time()
            )
            async with asyncio.timeout_at(timeout_start + STALL_SECONDS):
                message = await self.receive()
        except TimeoutError:
            raise BodyNotReceived(408, tr("That came too slowly, and was ended.")) from None
        self.received += len(message.get("body", b""))
        self.is_complete = not message.get("more_body", False)
        if self.received > self.max_bytes:
            raise BodyNotReceived(413, tr("That is too large."))
        return message
