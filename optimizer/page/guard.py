"""Middleware in front of the server that decides who may send requests, and how many at once.

Any page that is open in a browser can send requests to this machine. So a request must have a token
or a secret and name this server as its host. If it changes something, it must come from a page of
this server.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.language import tr

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts and styles come from this server only, and nothing is loaded from elsewhere."""
RESPONSE_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "same-origin",  # without one, forms have no origin either
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
READ_METHODS = ("GET", "HEAD")
LINKABLE_PATHS = ("/", "/board")
"""Paths to which links on other sites may lead."""
MAX_UPLOAD_BYTES, MAX_REQUEST_BYTES = 20_000_000, 1_000_000
"""Maximal bytes of an uploaded file, and of any other request."""
UPLOAD_THRESHOLD = 64_000
"""Bytes of a request above which it counts as an upload; smaller ones may wait in any number."""
MAX_UPLOADS_PER_USER, MAX_UPLOADS = 2, 10
"""Maximal number of simultaneous uploads of one user and of all, since they are held in memory."""
STALL_SECONDS, MIN_UPLOAD_RATE = 30.0, 100_000.0
"""Seconds without data after which an upload is aborted, and the minimal rate in bytes per second
that it needs after that time."""
MAX_REQUESTS_PER_USER = 64
"""Maximal number of simultaneous requests of one user."""


HEALTH_PATH, USER_KEY, FOREIGN_KEY = "/health", "vorrat.user", "vorrat.foreign"
SECRET_HEADER = "x-vorrat-secret"
"""The header with which the proxy of a server proves that a request comes through it."""
MIN_SECRET_LENGTH = 32
"""Minimal number of characters of a secret."""
MAX_NAME_LENGTH = 200
"""Maximal number of characters of a user name."""
_INVISIBLE_CHARACTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""Characters that are printable by ``str.isprintable`` but invisible: default-ignorable ones of
Unicode, and blank symbols."""


class BodyNotReceived(Exception):
    """Raised if a request body is not received completely, with the status and the text of the
    response that reports this."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RequestGuard(ABC):
    """Passes on requests that come from pages of this server, and refuses all others. Subclasses
    authorize the user."""

    max_requests = 500
    """Maximal number of simultaneous requests; an event stream of a tab is one."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], scheme: str = "http") -> None:
        self.app, self.hosts = app, frozenset(hosts)
        self.origins = {f"{scheme}://{host}" for host in hosts}
        # Numbers by user.
        self.active_requests, self.active_uploads = Counter[str](), Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, headers = Request(scope), Headers(scope=scope)
        max_bytes = MAX_UPLOAD_BYTES if scope["path"] == "/drop" else MAX_REQUEST_BYTES
        body = _LimitedBody(receive, headers, max_bytes, self.active_uploads)

        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                response_headers = MutableHeaders(scope=message)
                for name, value in RESPONSE_HEADERS.items():
                    response_headers[name] = value
                response_headers.setdefault("Cache-Control", "no-store")
                if not body.is_complete:  # do not wait for the rest of it
                    response_headers["Connection"] = "close"
            await send(message)

        answer: Response | None
        if headers.get("host", "") not in self.hosts:
            answer = _refusal(421, "This server has another name.")
        elif not (size := headers.get("content-length", "0")).isdecimal() or int(size) > max_bytes:
            answer = _refusal(413, "That is too large.")
        elif scope["method"] in READ_METHODS and not body.is_complete:
            answer = _refusal(400, "What only reads has no body.")
        elif not self._is_allowed_origin(request):
            answer = _refusal(403, "Only pages of this server may ask that.")
        else:
            answer = self.authorize(request) or self._refuse_if_full(user_id(request))
        if answer is not None:
            await answer(scope, receive, send_with_headers)
            return
        body.user = user = user_id(request)
        self.active_requests[user] += 1
        try:
            received = receive if scope["method"] in READ_METHODS else body
            await self.app(scope, received, send_with_headers)
        except asyncio.CancelledError:  # uvicorn would log it with a traceback
            with suppress(asyncio.CancelledError, Exception):
                if has_started:
                    await send_with_headers({"type": "http.response.body"})
                else:
                    refusal = _refusal(503, "The server is ending.")
                    await refusal(scope, receive, send_with_headers)
        finally:
            _decrement(self.active_requests, user)
            body.release_upload()

    @abstractmethod
    def authorize(self, request: Request) -> Response | None:
        """Return None if a request is allowed, and otherwise the response to it."""

    def _refuse_if_full(self, user: str) -> Response | None:
        """Return a response that refuses a request if too many are being answered; None if it can
        be answered."""
        if self.active_requests[user] >= MAX_REQUESTS_PER_USER:
            return _refusal(429, tr("You have too much open here. Close some pages."))
        if self.active_requests.total() >= self.max_requests:
            return _refusal(503, tr("Too many people are here. Come again in a minute."))
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


class TokenGuard(RequestGuard):
    """Access control for a page served on this machine. A GET request whose address has the token
    is redirected and receives a cookie; every other request must have that cookie."""

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        super().__init__(app, hosts)
        self.token = token
        # Cookies are shared by all ports of a host, so each server has its own cookie name.
        self.cookie = "vorrat-" + hosts[0].rpartition(":")[2]

    def authorize(self, request: Request) -> Response | None:
        """Return a redirect that sets the cookie if the address of a GET request has the token,
        None if the request has the cookie, and else a response that refuses the request."""
        if (
            _equal_secrets(request.query_params.get("token"), self.token)
            and request.method == "GET"
        ):
            # Remove the token from the address, which users may copy and send. With SameSite=Lax a
            # link from another site sends the cookie, but changes need an origin of this server.
            response = RedirectResponse(str(request.url.remove_query_params("token")), 303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="lax")
            return response
        if not _equal_secrets(request.cookies.get(self.cookie), self.token):
            return _refusal(403, "Open the page with 'vorrat open'; its address holds a token.")
        return None


class ProxyGuard(RequestGuard):
    """Access control for a server behind a proxy. The proxy authenticates users, and names them in
    a header; a shared secret shows that a request comes from the proxy."""

    def __init__(self, app: ASGIApp, secret: str, address: str, header: str) -> None:
        scheme, _, host = address.partition("://")
        default_port = {"https": 443, "http": 80}[scheme]
        super().__init__(app, [host, f"{host}:{default_port}"], scheme)
        self.secret, self.header = secret, header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer health checks without authorization, and treat other requests as
        :class:`RequestGuard` does."""
        if (
            scope["type"] == "http"
            and scope["path"] == HEALTH_PATH
            and scope["method"] in READ_METHODS
        ):
            await PlainTextResponse("here\n")(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def authorize(self, request: Request) -> Response | None:
        """Check the secret, and read the name of the user. Return a response that refuses the
        request if one of them is missing or not valid; None otherwise."""
        if not _equal_secrets(request.headers.get(SECRET_HEADER), self.secret):
            return _refusal(403, "Requests reach this server through its proxy alone.")
        names = request.headers.getlist(self.header)
        if len(names) != 1 or not names[0].strip(" \t") or len(names[0]) > MAX_NAME_LENGTH:
            return _refusal(403, "The proxy has not said who you are.")
        name = _decode_name(names[0])
        if name != name.strip() or not name.isprintable() or _INVISIBLE_CHARACTERS.search(name):
            return _refusal(400, "The name of a user may have plain blanks within, no other ones.")
        request.scope[USER_KEY] = names[0]
        return None


def user_id(request: Request) -> str:
    """Return the user's name as it is in the header, byte by byte; empty for a page on this
    machine."""
    return str(request.scope.get(USER_KEY, ""))


def user_display_name(request: Request) -> str:
    """Return the user's name in the form in which the page shows it."""
    return _decode_name(user_id(request))


def is_foreign(request: Request) -> bool:
    """Return whether a request follows a link on another site, or may follow one."""
    return bool(request.scope.get(FOREIGN_KEY))


def _decode_name(header_value: str) -> str:
    """Decode the value of a header as UTF-8, if possible. It was decoded as Latin-1."""
    with suppress(UnicodeDecodeError):
        return header_value.encode("latin-1").decode("utf-8")
    return header_value


def _equal_secrets(given: str | None, expected: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), expected.encode())


def _refusal(code: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", code)


def _origin_of(address: str) -> str:
    with suppress(ValueError):
        url_parts = urlsplit(address)
        return f"{url_parts.scheme}://{url_parts.netloc}"
    return ""


def _decrement(counter: Counter[str], user: str) -> None:
    counter[user] -= 1
    if not counter[user]:
        del counter[user]


class _LimitedBody:
    """Receives a request body, with limits on size, time and the number of uploads. It does not
    rely on the declared length, which may be wrong or missing."""

    def __init__(
        self, receive: Receive, headers: Headers, max_bytes: int, active_uploads: Counter[str]
    ) -> None:
        self.receive = receive
        self.max_bytes = max_bytes
        self.active_uploads = active_uploads
        self.user = ""
        self.is_complete = (
            headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        )
        self.is_upload, self.received = False, 0
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
        if self.received > UPLOAD_THRESHOLD and not self.is_upload:
            self._count_upload()
        return message

    def _count_upload(self) -> None:
        if self.active_uploads[self.user] >= MAX_UPLOADS_PER_USER:
            raise BodyNotReceived(
                429, tr("You are uploading other files. Wait until these have come.")
            )
        if self.active_uploads.total() >= MAX_UPLOADS:
            raise BodyNotReceived(
                503, tr("Too many files are being uploaded. Try again in a minute.")
            )
        self.active_uploads[self.user] += 1
        self.is_upload = True

    def release_upload(self) -> None:
        """Remove this body from the number of uploads under way."""
        if self.is_upload:
            _decrement(self.active_uploads, self.user)
