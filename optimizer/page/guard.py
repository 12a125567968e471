"""Who may ask the server, and how much at once: what stands before every request.

Any page that a browser has open can send requests to this machine. So a request has to know a
token or a secret, name this server as its host, and, where it changes something, come from a page
of it.
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
"""Scripts and styles come from this server alone, and nothing is loaded from elsewhere."""
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
"""Addresses to which a link on another site may lead. What they load is for themselves to ask."""
MAX_UPLOAD_BYTES, MAX_REQUEST_BYTES = 20_000_000, 1_000_000
"""Of a file that is dropped, and of every other request; a larger one is refused."""
UPLOAD_THRESHOLD = 64_000
"""Bytes of a request that may wait in any number; a larger one counts as an upload."""
MAX_UPLOADS_PER_USER, MAX_UPLOADS = 2, 10
"""Uploads of one user and of all that are received and taken in at once: memory holds them."""
STALL_SECONDS, MIN_UPLOAD_RATE = 30.0, 100_000.0
"""Seconds without a byte after which an upload is ended, and bytes a second that have to come once
as many seconds have passed."""
MAX_REQUESTS_PER_USER = 64
"""Requests of one user that are answered at once."""


HEALTH_PATH, USER_KEY, FOREIGN_KEY = "/health", "vorrat.user", "vorrat.foreign"
SECRET_HEADER = "x-vorrat-secret"
"""The header by which the proxy of a server shows that a request comes through it."""
MIN_SECRET_LENGTH = 32
"""Characters of a secret."""
MAX_NAME_LENGTH = 200
"""Characters of the name of a user."""
_INVISIBLE_CHARACTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""Characters that ``isprintable`` lets pass but that are shown as nothing: the default-ignorable
ones of Unicode, and symbols that are blank."""


class BodyNotReceived(Exception):
    """A body that is not received to its end, with the status and the text of the answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class RequestGuard(ABC):
    """Lets requests through that come from the pages of this server; who it is that asks, and
    whether he may, is for those who inherit."""

    max_requests = 500
    """Requests that are answered at once; a stream of a tab is one."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], scheme: str = "http") -> None:
        self.app, self.hosts = app, frozenset(hosts)
        self.origins = {f"{scheme}://{host}" for host in hosts}
        self.active_requests, self.active_uploads = (
            Counter[str](),
            Counter[str](),
        )  # how many of each user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, headers = Request(scope), Headers(scope=scope)
        most = MAX_UPLOAD_BYTES if scope["path"] == "/drop" else MAX_REQUEST_BYTES
        body = _LimitedBody(receive, headers, most, self.active_uploads)

        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                made = MutableHeaders(scope=message)
                for name, value in RESPONSE_HEADERS.items():
                    made[name] = value
                made.setdefault("Cache-Control", "no-store")
                if not body.is_complete:  # what is left of it is not waited for
                    made["Connection"] = "close"
            await send(message)

        answer: Response | None
        if headers.get("host", "") not in self.hosts:
            answer = _refusal(421, "This server has another name.")
        elif not (length := headers.get("content-length", "0")).isdecimal() or int(length) > most:
            answer = _refusal(413, "That is too large.")
        elif scope["method"] in READ_METHODS and not body.is_complete:
            answer = _refusal(400, "What only reads has no body.")
        elif not self._is_allowed_origin(request):
            answer = _refusal(403, "Only pages of this server may ask that.")
        else:
            answer = self.authorize(request) or self._refuse_if_full(user_id(request))
        if answer is not None:
            await answer(scope, receive, sent)
            return
        body.user = user = user_id(request)
        self.active_requests[user] += 1
        try:
            await self.app(scope, receive if scope["method"] in READ_METHODS else body, sent)
        except asyncio.CancelledError:  # which uvicorn would log with a traceback
            with suppress(asyncio.CancelledError, Exception):
                if begun:
                    await sent({"type": "http.response.body"})
                else:
                    await _refusal(503, "The server is ending.")(scope, receive, sent)
        finally:
            _decrement(self.active_requests, user)
            body.release_upload()

    @abstractmethod
    def authorize(self, request: Request) -> Response | None:
        """The answer to who may not go on; None for who may."""

    def _refuse_if_full(self, user: str) -> Response | None:
        """The answer where too many requests are being answered."""
        if self.active_requests[user] >= MAX_REQUESTS_PER_USER:
            return _refusal(429, tr("You have too much open here. Close some pages."))
        if self.active_requests.total() >= self.max_requests:
            return _refusal(503, tr("Too many people are here. Come again in a minute."))
        return None

    def _is_allowed_origin(self, request: Request) -> bool:
        """Whether a request comes from a page of this server, or may come from elsewhere: a link
        may be followed to a page, which is told so, in no frame. Nothing else may be asked."""
        headers = request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if request.method not in READ_METHODS:
            return origin in self.origins and site in (None, "same-origin")
        if site is None:  # no browser, or an old one, whose requests from pages here say so
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
    """Of a page on this machine: who has its address with the token may ask."""

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        super().__init__(app, hosts)
        self.token = token
        # Cookies of one host reach all its ports: each server has one of its own name.
        self.cookie = "vorrat-" + hosts[0].rpartition(":")[2]

    def authorize(self, request: Request) -> Response | None:
        """Turn the token of an address into a cookie, and ask for that."""
        if (
            _equal_secrets(request.query_params.get("token"), self.token)
            and request.method == "GET"
        ):
            # The token leaves the address, which people copy and send. A link from elsewhere brings
            # the cookie along; what changes something has to come from here all the same.
            response = RedirectResponse(str(request.url.remove_query_params("token")), 303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="lax")
            return response
        if not _equal_secrets(request.cookies.get(self.cookie), self.token):
            return _refusal(403, "Open the page with 'vorrat open'; its address holds a token.")
        return None


class ProxyGuard(RequestGuard):
    """Of a server behind a proxy, which knows who somebody is and says so by a header. That it is
    the proxy who says it, a secret shows that both know."""

    def __init__(self, app: ASGIApp, secret: str, address: str, header: str) -> None:
        scheme, _, host = address.partition("://")
        usual = {"https": 443, "http": 80}[scheme]
        super().__init__(app, [host, f"{host}:{usual}"], scheme)
        self.secret, self.header = secret, header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """That the server is there is told to everybody, such as what begins it anew."""
        if (
            scope["type"] == "http"
            and scope["path"] == HEALTH_PATH
            and scope["method"] in READ_METHODS
        ):
            await PlainTextResponse("here\n")(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def authorize(self, request: Request) -> Response | None:
        """Ask for the secret, and take the user's name."""
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
    """Who asks, byte by byte as the proxy of a server says; empty on this machine."""
    return str(request.scope.get(USER_KEY, ""))


def user_display_name(request: Request) -> str:
    """Who asks, as it is shown."""
    return _decode_name(user_id(request))


def is_foreign(request: Request) -> bool:
    """Whether a link on another site was followed, or it may have been."""
    return bool(request.scope.get(FOREIGN_KEY))


def _decode_name(user: str) -> str:
    """A header as text: read as Latin-1, people's names are more often written in UTF-8."""
    with suppress(UnicodeDecodeError):
        return user.encode("latin-1").decode("utf-8")
    return user


def _equal_secrets(given: str | None, expected: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), expected.encode())


def _refusal(code: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", code)


def _origin_of(address: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}"
    return ""


def _decrement(counter: Counter[str], user: str) -> None:
    counter[user] -= 1
    if not counter[user]:
        del counter[user]


class _LimitedBody:
    """What is received of a body, up to limits: its length may be a lie, or not be told, and it may
    never end."""

    def __init__(
        self, receive: Receive, headers: Headers, max_bytes: int, active_uploads: Counter[str]
    ) -> None:
        self.receive, self.max_bytes, self.active_uploads, self.user = (
            receive,
            max_bytes,
            active_uploads,
            "",
        )
        self.is_complete = (
            headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        )
        self.is_upload, self.received = False, 0
        self.started = asyncio.get_running_loop().time()

    async def __call__(self) -> Message:
        """The next part. Raises Unreceived where a limit is reached."""
        if self.is_complete:
            return await self.receive()
        try:
            late = min(
                self.started + self.received / MIN_UPLOAD_RATE, asyncio.get_running_loop().time()
            )
            async with asyncio.timeout_at(late + STALL_SECONDS):
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
        """Make room for the upload of somebody else."""
        if self.is_upload:
            _decrement(self.active_uploads, self.user)
