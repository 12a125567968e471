"""The server of the page: what each address answers, and what it tells while something is solved.

It runs on one thread and never solves: processes do (:mod:`optimizer.page.solvers`). A tab of the
browser asks by a request of its own, and hears by a stream of events, which it opens again where it
breaks off: the last thing that was told is told anew.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from models.base import named
from models.faults import Fault, ScenarioError, VorratError
from models.language import Language, tr, using
from optimizer.page import controls, pieces, scenarios, views
from optimizer.page.conversation import GONE, Page
from optimizer.page.guard import Unreceived, is_foreign, name_of, user_of
from optimizer.page.pieces import LANGUAGES, static, template
from optimizer.page.question import Question, Unasked, Unreadable
from optimizer.page.solvers import Busy
from optimizer.page.worker import Failed

BEAT = 10.0
"""Seconds between two signs of life on a stream that has nothing to tell."""
THERE = 1.0  # seconds between two looks whether somebody still waits
STREAMS = 6
"""Streams of one tab: a browser opens a new one where the old one broke off, and has six."""
WORDS = 20  #: Different words that a figure is searched by; further ones are ignored.
STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


# Addresses


def app(
    page_of: Callable[[str], Page], forget: Callable[[str], Awaitable[None]] | None = None
) -> Starlette:
    """The application that answers; it stands behind a guard. ``page_of`` has the page of a user,
    by name, and ``forget`` ends all that is known of one, where that may be asked for."""

    def route(path: str, answer: Answer, *methods: str) -> Route:
        return Route(path, _heard(page_of, answer), methods=methods or None)

    async def leave(_page: Page, request: Request, _language: Language) -> Response:
        if forget is None:
            raise Unasked(tr("there is nothing to be removed here"))
        await forget(user_of(request))
        return RedirectResponse("/", 303)

    return Starlette(
        routes=[
            route("/", _choose),
            route("/board", _board),
            route("/events", _events),
            route("/ask", _ask, "POST"),
            route("/stop", _stop, "POST"),
            route("/view/{name}", _view),
            route("/take/{name}", _take),
            route("/figures", _figures),
            route("/drop", _drop, "POST"),
            route("/mend", _mend, "POST"),
            route("/save", _save, "POST"),
            route("/forget", leave, "POST"),
            route("/here", _here),
            Route("/static/{name}", _static),
        ]
    )


Answer = Callable[[Page, Request, Language], Awaitable[Response]]


def _heard(
    page_of: Callable[[str], Page], answer: Answer
) -> Callable[[Request], Awaitable[Response]]:
    """What answers a request, in the language of the reader, with faults as a page."""

    async def answered(request: Request) -> Response:
        chosen = request.query_params.get("lang") or request.cookies.get("language")
        try:
            page = page_of(user_of(request))
        except Busy:
            return _sorry(request, tr("Too many people are here. Come again in a minute."), 503)
        page.seen = max(page.seen, time.monotonic())
        language = next((one for one in LANGUAGES if one == chosen), page.language)
        with using(language):
            try:
                if is_foreign(request) and (request.url.path != "/" or request.url.query):
                    return _asking(page, request)
                response = await answer(page, request, language)
            except ScenarioError as error:
                response = await _faulty(page, request, error.faults)
            except Unasked as error:
                response = _sorry(request, str(error), error.status)
            except Unreceived as error:
                response = _sorry(request, str(error), error.code)
            except ClientDisconnect:  # nobody is there to read it
                response = Response(status_code=400)
            except Busy:
                response = _sorry(
                    request, tr("Too many questions are waiting. Ask again in a minute."), 503
                )
            except VorratError as error:
                response = _sorry(request, str(error), 500)
            except OSError as error:  # of a file: such as a disk that is full
                problem = tr(str(error.strerror or error))
                response = _sorry(
                    request, tr("Nothing has changed: {problem}.", problem=problem), 500
                )
        if request.query_params.get("lang") and not is_foreign(request):
            response.set_cookie("language", language, samesite="lax")
        return response

    return answered


async def _choose(page: Page, request: Request, _language: Language) -> Response:
    """The scenarios that there are, and where an own one is dropped."""
    every: list[Any] = []
    for source in list(page.known.found.values()):
        try:
            case = (await page.base(source.id)).case
        except Unasked:  # it was removed meanwhile
            continue
        except ScenarioError as error:
            every.append((source, source.path.name, "", {}, len(error.faults)))
            continue
        variants = {id: named(one.title, id, _language) for id, one in case.variants.items()}
        about = named(case.description, "", _language)
        every.append((source, named(case.title, source.id, _language), about, variants, 0))
    is_here = page.solvers.seating is None  # and not on a cluster
    return HTMLResponse(_whole("choose.html.j2", request, scenarios=every, is_here=is_here))


async def _board(page: Page, request: Request, language: Language) -> Response:
    """The page of a scenario: what can be moved, and where answers come."""
    question = Question.of(request.url.query)
    reading = await page.base(question.scenario, question.variant)
    whole = (await page.base(question.scenario)).case
    about = (page.known.source(question.scenario), question, reading, whole, name_of(request))
    return HTMLResponse(await page.aside(pieces.board, *about, language))


async def _events(page: Page, request: Request, _language: Language) -> Response:
    """The stream of a tab; it begins with what was told last."""
    tab = page.tab(request.query_params.get("tab", "")[:64])
    stream: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def lines() -> AsyncIterator[str]:
        while len(tab.streams) >= STREAMS:
            tab.streams.pop().put_nowait(None)
        tab.streams.add(stream)
        try:
            yield "retry: 1000\n\n"
            if tab.last is not None:
                stream.put_nowait(tab.last)
            while not page.is_ending:
                try:
                    said = await asyncio.wait_for(stream.get(), BEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if said is None:
                    break
                yield f"data: {json.dumps(said)}\n\n"
        finally:
            tab.streams.discard(stream)
            page.seen = time.monotonic()
            asyncio.get_running_loop().call_later(GONE, page.leave, tab)

    unbuffered = {"X-Accel-Buffering": "no"}  # as nginx is told
    return StreamingResponse(lines(), media_type="text/event-stream", headers=unbuffered)


async def _ask(page: Page, request: Request, language: Language) -> Response:
    """Take a question; the answer comes by the stream of its tab."""
    said = await _json(request)
    question = Question.of(str(said.get("query", "")))
    taken = await page.take(question)  # what is wrong is told at once
    number = said.get("number")
    if not isinstance(number, int):
        raise Unreadable(tr("the request cannot be read"))
    page.ask(page.tab(str(said.get("tab", ""))[:64]), number, taken, language)
    return JSONResponse({"query": question.query}, 202)


async def _here(_page: Page, _request: Request, _language: Language) -> Response:
    """Hear of a tab that is not in view and keeps no stream open."""
    return Response(status_code=204)


async def _stop(page: Page, request: Request, _language: Language) -> Response:
    """End the search of a tab, which comes back with the best plan so far."""
    page.stop(page.tab(str((await _json(request)).get("tab", ""))[:64]))
    return JSONResponse({}, 202)


async def _view(page: Page, request: Request, language: Language) -> Response:
    """A view of one plan or of several, as a piece of the page."""
    name = request.path_params["name"]
    questions = [Question.of(query) for query in request.query_params.getlist("of")]
    if name not in views.ALL or not questions or len({q.scenario for q in questions}) > 1:
        raise Unasked(tr("there is nothing of that name to see"))
    about = tuple((one, request.query_params.get(one, "")) for one in ("event", "funder"))
    if name in views.COMPANY:
        questions = [questions[0], await _without(page, questions[0], dict(about)["funder"])]
    stamp = request.query_params.get("stamp")
    work = page.view(name, questions, language, about=about, stamp=stamp)
    made = await _while_there(request, work)
    if isinstance(made, Failed):
        code = 200 if made.is_answer else 409
        return HTMLResponse(template("failed.html.j2", failed=made), code)
    return HTMLResponse(made)


async def _while_there(request: Request, work: Coroutine[Any, Any, Any]) -> Any:
    """What is made for who asks, for as long as he waits for it."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=THERE))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()


async def _without(page: Page, question: Question, funder: str) -> Question:
    """The same question with a funder that stays out: it has no money."""
    case = (await page.base(question.scenario, question.variant)).case
    known = await page.aside(controls.every_control, case)
    for id in (f"funders.{funder}.budget_meur", f"total.{funder}"):
        if id in known:
            moved = {**dict(question.moved), id: "0"}
            return replace(question, moved=tuple(moved.items()))
    raise Unasked(tr("there is no funder '{funder}' with a budget", funder=funder))


async def _take(page: Page, request: Request, language: Language) -> Response:
    """A file that is made of what is on the screen."""
    name, question = request.path_params["name"], Question.of(request.query_params.get("of", ""))
    source = page.known.source(question.scenario)
    if name == "scenario":
        content: Any = await page.aside(_as_file, page, question)
        file, kind = source.path.name, "application/yaml"
    elif name in views.FILES:
        file, kind = views.FILES[name]
        stamp = request.query_params.get("stamp")
        work = page.view(name, [question], language, is_file=True, stamp=stamp)
        content, file = await _while_there(request, work), f"{source.path.stem}-{file}"
    else:
        raise Unasked(tr("there is nothing of that name to take away"))
    if isinstance(content, Failed):
        return _sorry(request, content.message, 409)
    ascii_name = file.encode("ascii", "replace").decode().replace("?", "-").replace('"', "-")
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}"'}
    return Response(content, media_type=kind, headers=headers)


def _as_file(page: Page, question: Question) -> bytes:
    """The file of a scenario with a question as one more variant."""
    base = page.known.base(question.scenario, question.variant)
    known, n = base.case.variants, 1
    while (id := "asked" if n == 1 else f"asked_{n}") in known:
        n += 1
    made = scenarios.as_variant(question, base.case, question.asked(base)[1])
    source = page.known.source(question.scenario)
    reader = page.known.reader if source.kind == "dropped" else None
    return scenarios.saved(source, id, made, reader)


async def _figures(page: Page, request: Request, _language: Language) -> Response:
    """Single figures of the scenario whose name has all words that are looked for."""
    question = Question.of(request.query_params.get("of", ""))
    case = (await page.base(question.scenario, question.variant)).case
    words = request.query_params.get("q", "").casefold().split()
    wanted = list(dict.fromkeys(words))[:WORDS]
    if not wanted:
        return HTMLResponse("")
    work = page.aside(pieces.found, case, wanted, dict(question.moved))
    return HTMLResponse(await _while_there(request, work))


async def _drop(page: Page, request: Request, _language: Language) -> Response:
    """Take a file that was dropped; where its page is."""
    name, content = request.query_params.get("name", ""), await request.body()
    source = await page.aside(page.known.drop, name, content)
    return JSONResponse({"at": f"/board?{urlencode({'scenario': source.id})}"}, 201)


async def _mend(page: Page, request: Request, _language: Language) -> Response:
    """Put figures in place of faulty ones, and go on."""
    form = await _form(request)
    id = form.pop("scenario", "")
    page.known.mend(id, {path: value for path, value in form.items() if value.strip()})
    return RedirectResponse(f"/board?{urlencode({'scenario': id})}", 303)


async def _save(page: Page, request: Request, _language: Language) -> Response:
    """Write what is on the screen into the file, as a variant."""
    said = await _json(request)
    question, id = Question.of(str(said.get("query", ""))), str(said.get("id", "")).strip()
    source = page.known.source(question.scenario)
    base = await page.base(question.scenario, question.variant)
    if source.kind != "own":
        raise Unasked(tr("only a file of this machine that was opened by its name is written to"))
    if not id.isidentifier() or not id.isascii():
        raise Unasked(tr("a variant has a name of letters, digits and underscores"))
    settings = (await page.aside(question.asked, base))[1]
    made = scenarios.as_variant(question, base.case, settings)
    await page.aside(scenarios.save, source, id, made)
    about = {"title": scenarios.title(question, base.case), "id": id, "file": source.path}
    return JSONResponse({"text": tr("Saved as variant “{id}” of {file}: {title}.", **about)}, 201)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        return Response(status_code=404)
    headers = {"Cache-Control": "no-cache"}
    return Response(static(name), media_type=STATIC[name], headers=headers)


async def _json(request: Request) -> dict[str, Any]:
    try:
        said = await request.json()
        json.dumps(said, ensure_ascii=False).encode()  # which halves of surrogate pairs have not
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Unreadable(tr("the request cannot be read"))
    return said


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, without files."""
    from urllib.parse import parse_qsl

    return dict(
        parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    )


def _whole(name: str, request: Request, **values: Any) -> str:
    """A page, with the name of the user where it has some."""
    return template(name, user=name_of(request), **values)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _sorry(request: Request, text: str, code: int) -> Response:
    """What is wrong, as a page or for the script that asked."""
    if _wants_page(request):
        return HTMLResponse(_whole("sorry.html.j2", request, text=text), code)
    return JSONResponse({"text": text}, code)


def _asking(page: Page, request: Request) -> Response:
    """A page that asks whether a link from elsewhere is to be opened."""
    if request.url.path != "/":
        page.known.source(Question.of(request.url.query).scenario)  # which there has to be
    at = f"{request.url.path}?{request.url.query}"
    return HTMLResponse(_whole("foreign.html.j2", request, at=at))


async def _faulty(page: Page, request: Request, faults: tuple[Fault, ...]) -> Response:
    """All faults of a scenario, each at its place with its remedy."""
    if not _wants_page(request):
        return JSONResponse({"text": "\n".join(map(str, faults))}, 422)
    query = request.query_params.get("of") or request.url.query
    id = Question.of(query).scenario
    if id not in page.known.found:
        return _sorry(request, "\n".join(map(str, faults)), 422)
    source = page.known.source(id)
    found, more = await page.aside(scenarios.mendable, faults, source), len(faults)
    made = _whole("faults.html.j2", request, source=source, faults=found, more=more - len(found))
    return HTMLResponse(made, 422)
