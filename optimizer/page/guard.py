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

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Scripts and styles come from this server alone, and nothing is loaded from elsewhere."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # without one, forms have no origin either
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SAFE = ("GET", "HEAD")
PAGES = ("/", "/board")
"""Addresses to which a link on another site may lead. What they load is for themselves to ask."""
MOST_BYTES, MOST_SAID = 20_000_000, 1_000_000
"""Of a file that is dropped, and of every other request; a larger one is refused."""
SMALL = 64_000
"""Bytes of a request that may wait in any number; a larger one counts as an upload."""
UPLOADS_OF_ONE, UPLOADS = 2, 10
"""Uploads of one user and of all that are received and taken in at once: memory holds them."""
STALLED, LEAST_RATE = 30.0, 100_000.0
"""Seconds without a byte after which an upload is ended, and bytes a second that have to come once
as many seconds have passed."""
REQUESTS_OF_ONE = 64
"""Requests of one user that are answered at once."""


HEALTH, USER, FOREIGN = "/health", "vorrat.user", "vorrat.foreign"
SECRET = "x-vorrat-secret"
"""The header by which the proxy of a server shows that a request comes through it."""
LEAST_SECRET = 32
"""Characters of a secret."""
LONGEST_NAME = 200
"""Characters of the name of a user."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""Characters that ``isprintable`` lets pass but that are shown as nothing: the default-ignorable
ones of Unicode, and symbols that are blank."""


class Unreceived(Exception):
    """A body that is not received to its end, with the status and the text of the answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Guard(ABC):
    """Lets requests through that come from the pages of this server; who it is that asks, and
    whether he may, is for those who inherit."""

    requests = 500
    """Requests that are answered at once; a stream of a tab is one."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], scheme: str = "http") -> None:
        self.app, self.hosts = app, frozenset(hosts)
        self.origins = {f"{scheme}://{host}" for host in hosts}
        self.answering, self.uploading = Counter[str](), Counter[str]()  # how many of each user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, headers = Request(scope), Headers(scope=scope)
        most = MOST_BYTES if scope["path"] == "/drop" else MOST_SAID
        body = _Body(receive, headers, most, self.uploading)

        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                made = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    made[name] = value
                made.setdefault("Cache-Control", "no-store")
                if not body.is_whole:  # what is left of it is not waited for
                    made["Connection"] = "close"
            await send(message)

        answer: Response | None
        if headers.get("host", "") not in self.hosts:
            answer = _refused(421, "This server has another name.")
        elif not (length := headers.get("content-length", "0")).isdecimal() or int(length) > most:
            answer = _refused(413, "That is too large.")
        elif scope["method"] in SAFE and not body.is_whole:
            answer = _refused(400, "What only reads has no body.")
        elif not self._is_own(request):
            answer = _refused(403, "Only pages of this server may ask that.")
        else:
            answer = self.enter(request) or self._full(user_of(request))
        if answer is not None:
            await answer(scope, receive, sent)
            return
        body.user = user = user_of(request)
        self.answering[user] += 1
        try:
            await self.app(scope, receive if scope["method"] in SAFE else body, sent)
        except asyncio.CancelledError:  # which uvicorn would log with a traceback
            with suppress(asyncio.CancelledError, Exception):
                if begun:
                    await sent({"type": "http.response.body"})
                else:
                    await _refused(503, "The server is ending.")(scope, receive, sent)
        finally:
            _take_off(self.answering, user)
            body.release()

    @abstractmethod
    def enter(self, request: Request) -> Response | None:
        """The answer to who may not go on; None for who may."""

    def _full(self, user: str) -> Response | None:
        """The answer where too many requests are being answered."""
        if self.answering[user] >= REQUESTS_OF_ONE:
            return _refused(429, tr("You have too much open here. Close some pages."))
        if self.answering.total() >= self.requests:
            return _refused(503, tr("Too many people are here. Come again in a minute."))
        return None

    def _is_own(self, request: Request) -> bool:
        """Whether a request comes from a page of this server, or may come from elsewhere: a link
        may be followed to a page, which is told so, in no frame. Nothing else may be asked."""
        headers = request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if request.method not in SAFE:
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
        request.scope[FOREIGN] = not is_own
        return is_own or (
            request.scope["path"] in PAGES
            and headers.get("sec-fetch-mode") in (None, "navigate")
            and headers.get("sec-fetch-dest") in (None, "document")
        )


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
        if len(names) != 1 or not names[0].strip(" \t") or len(names[0]) > LONGEST_NAME:
            return _refused(403, "The proxy has not said who you are.")
        name = _shown(names[0])
        if name != name.strip() or not name.isprintable() or _UNSEEN.search(name):
            return _refused(400, "The name of a user may have plain blanks within, no other ones.")
        request.scope[USER] = names[0]
        return None


def user_of(request: Request) -> str:
    """Who asks, byte by byte as the proxy of a server says; empty on this machine."""
    return str(request.scope.get(USER, ""))


def name_of(request: Request) -> str:
    """Who asks, as it is shown."""
    return _shown(user_of(request))


def is_foreign(request: Request) -> bool:
    """Whether a link on another site was followed, or it may have been."""
    return bool(request.scope.get(FOREIGN))


def _shown(user: str) -> str:
    """A header as text: read as Latin-1, people's names are more often written in UTF-8."""
    with suppress(UnicodeDecodeError):
        return user.encode("latin-1").decode("utf-8")
    return user


def _same(given: str | None, wanted: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), wanted.encode())


def _refused(code: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", code)


def _origin_of(address: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}"
    return ""


def _take_off(counted: Counter[str], user: str) -> None:
    counted[user] -= 1
    if not counted[user]:
        del counted[user]


class _Body:
    """What is received of a body, up to limits: its length may be a lie, or not be told, and it may
    never end."""

    def __init__(
        self, receive: Receive, headers: Headers, most: int, uploading: Counter[str]
    ) -> None:
        self.receive, self.most, self.uploading, self.user = receive, most, uploading, ""
        self.is_whole = (
            headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        )
        self.is_upload, self.got = False, 0
        self.began = asyncio.get_running_loop().time()

    async def __call__(self) -> Message:
        """The next part. Raises Unreceived where a limit is reached."""
        if self.is_whole:
            return await self.receive()
        try:
            late = min(self.began + self.got / LEAST_RATE, asyncio.get_running_loop().time())
            async with asyncio.timeout_at(late + STALLED):
                message = await self.receive()
        except TimeoutError:
            raise Unreceived(408, tr("That came too slowly, and was ended.")) from None
        self.got += len(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self.got > self.most:
            raise Unreceived(413, tr("That is too large."))
        if self.got > SMALL and not self.is_upload:
            self._count()
        return message

    def _count(self) -> None:
        if self.uploading[self.user] >= UPLOADS_OF_ONE:
            raise Unreceived(429, tr("You are uploading other files. Wait until these have come."))
        if self.uploading.total() >= UPLOADS:
            raise Unreceived(503, tr("Too many files are being uploaded. Try again in a minute."))
        self.uploading[self.user] += 1
        self.is_upload = True

    def release(self) -> None:
        """Make room for the upload of somebody else."""
        if self.is_upload:
            _take_off(self.uploading, self.user)
