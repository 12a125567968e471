"""The server of the page: what each address answers, and what it tells while something is solved.

It runs on one thread and never solves: processes do (:mod:`optimizer.page.solver_pool`). A tab of the
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

from models.base import display_name
from models.faults import Fault, ScenarioError, VorratError
from models.language import Language, tr, using
from optimizer.page import controls, fragments, scenario_store, views
from optimizer.page.fragments import LANGUAGES, render_template, static_file
from optimizer.page.guard import BodyNotReceived, is_foreign, user_display_name, user_id
from optimizer.page.question import InvalidRequest, Question, UnreadableRequest
from optimizer.page.solver_pool import ServerBusy
from optimizer.page.user_session import STREAM_GRACE_SECONDS, UserSession
from optimizer.page.worker import AnswerFailure

HEARTBEAT_SECONDS = 10.0
"""Seconds between two signs of life on a stream that has nothing to tell."""
DISCONNECT_CHECK_SECONDS = 1.0  # seconds between two looks whether somebody still waits
MAX_STREAMS_PER_TAB = 6
"""Streams of one tab: a browser opens a new one where the old one broke off, and has six."""
MAX_SEARCH_WORDS = 20  #: Different words that a figure is searched by; further ones are ignored.
STATIC_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


# Addresses


def create_app(
    session_of: Callable[[str], UserSession], forget: Callable[[str], Awaitable[None]] | None = None
) -> Starlette:
    """The application that answers; it stands behind a guard. ``page_of`` has the page of a user,
    by name, and ``forget`` ends all that is known of one, where that may be asked for."""

    def route(path: str, answer: Handler, *methods: str) -> Route:
        return Route(path, _with_error_pages(session_of, answer), methods=methods or None)

    async def leave(_page: UserSession, request: Request, _language: Language) -> Response:
        if forget is None:
            raise InvalidRequest(tr("there is nothing to be removed here"))
        await forget(user_id(request))
        return RedirectResponse("/", 303)

    return Starlette(
        routes=[
            route("/", _choose_page),
            route("/board", _board_page),
            route("/events", _event_stream),
            route("/ask", _post_question, "POST"),
            route("/stop", _stop_search, "POST"),
            route("/view/{name}", _get_view),
            route("/take/{name}", _download),
            route("/figures", _search_figures),
            route("/drop", _upload, "POST"),
            route("/mend", _correct_faults, "POST"),
            route("/save", _save_variant, "POST"),
            route("/forget", leave, "POST"),
            route("/here", _keep_alive),
            Route("/static/{name}", _static_response),
        ]
    )


Handler = Callable[[UserSession, Request, Language], Awaitable[Response]]


def _with_error_pages(
    session_of: Callable[[str], UserSession], handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    """What answers a request, in the language of the reader, with faults as a page."""

    async def answered(request: Request) -> Response:
        chosen = request.query_params.get("lang") or request.cookies.get("language")
        try:
            page = session_of(user_id(request))
        except ServerBusy:
            return _error_response(
                request, tr("Too many people are here. Come again in a minute."), 503
            )
        page.last_seen = max(page.last_seen, time.monotonic())
        language = next((one for one in LANGUAGES if one == chosen), page.language)
        with using(language):
            try:
                if is_foreign(request) and (request.url.path != "/" or request.url.query):
                    return _confirm_foreign_link(page, request)
                response = await handler(page, request, language)
            except ScenarioError as error:
                response = await _faults_response(page, request, error.faults)
            except InvalidRequest as error:
                response = _error_response(request, str(error), error.status)
            except BodyNotReceived as error:
                response = _error_response(request, str(error), error.code)
            except ClientDisconnect:  # nobody is there to read it
                response = Response(status_code=400)
            except ServerBusy:
                response = _error_response(
                    request, tr("Too many questions are waiting. Ask again in a minute."), 503
                )
            except VorratError as error:
                response = _error_response(request, str(error), 500)
            except OSError as error:  # of a file: such as a disk that is full
                problem = tr(str(error.strerror or error))
                response = _error_response(
                    request, tr("Nothing has changed: {problem}.", problem=problem), 500
                )
        if request.query_params.get("lang") and not is_foreign(request):
            response.set_cookie("language", language, samesite="lax")
        return response

    return answered


async def _choose_page(session: UserSession, request: Request, _language: Language) -> Response:
    """The scenarios that there are, and where an own one is dropped."""
    every: list[Any] = []
    for source in list(session.store.sources.values()):
        try:
            case = (await session.read_scenario(source.id)).case
        except InvalidRequest:  # it was removed meanwhile
            continue
        except ScenarioError as error:
            every.append((source, source.path.name, "", {}, len(error.faults)))
            continue
        variants = {id: display_name(one.title, id, _language) for id, one in case.variants.items()}
        about = display_name(case.description, "", _language)
        every.append((source, display_name(case.title, source.id, _language), about, variants, 0))
    is_here = session.solvers.start_worker is None  # and not on a cluster
    return HTMLResponse(_render_page("choose.html.j2", request, scenarios=every, is_here=is_here))


async def _board_page(session: UserSession, request: Request, language: Language) -> Response:
    """The page of a scenario: what can be moved, and where answers come."""
    question = Question.from_query(request.url.query)
    reading = await session.read_scenario(question.scenario, question.variant)
    whole = (await session.read_scenario(question.scenario)).case
    about = (
        session.store.source(question.scenario),
        question,
        reading,
        whole,
        user_display_name(request),
    )
    return HTMLResponse(await session.run_in_thread(fragments.render_board, *about, language))


async def _event_stream(session: UserSession, request: Request, _language: Language) -> Response:
    """The stream of a tab; it begins with what was told last."""
    tab = session.tab(request.query_params.get("tab", "")[:64])
    stream: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def lines() -> AsyncIterator[str]:
        while len(tab.streams) >= MAX_STREAMS_PER_TAB:
            tab.streams.pop().put_nowait(None)
        tab.streams.add(stream)
        try:
            yield "retry: 1000\n\n"
            if tab.last_event is not None:
                stream.put_nowait(tab.last_event)
            while not session.is_ending:
                try:
                    said = await asyncio.wait_for(stream.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if said is None:
                    break
                yield f"data: {json.dumps(said)}\n\n"
        finally:
            tab.streams.discard(stream)
            session.last_seen = time.monotonic()
            asyncio.get_running_loop().call_later(
                STREAM_GRACE_SECONDS, session.cancel_if_unheard, tab
            )

    unbuffered = {"X-Accel-Buffering": "no"}  # as nginx is told
    return StreamingResponse(lines(), media_type="text/event-stream", headers=unbuffered)


async def _post_question(session: UserSession, request: Request, language: Language) -> Response:
    """Take a question; the answer comes by the stream of its tab."""
    said = await _read_json(request)
    question = Question.from_query(str(said.get("query", "")))
    taken = await session.prepare_question(question)  # what is wrong is told at once
    number = said.get("number")
    if not isinstance(number, int):
        raise UnreadableRequest(tr("the request cannot be read"))
    session.ask(session.tab(str(said.get("tab", ""))[:64]), number, taken, language)
    return JSONResponse({"query": question.query}, 202)


async def _keep_alive(_page: UserSession, _request: Request, _language: Language) -> Response:
    """Hear of a tab that is not in view and keeps no stream open."""
    return Response(status_code=204)


async def _stop_search(session: UserSession, request: Request, _language: Language) -> Response:
    """End the search of a tab, which comes back with the best plan so far."""
    session.stop_search(session.tab(str((await _read_json(request)).get("tab", ""))[:64]))
    return JSONResponse({}, 202)


async def _get_view(session: UserSession, request: Request, language: Language) -> Response:
    """A view of one plan or of several, as a piece of the page."""
    name = request.path_params["name"]
    questions = [Question.from_query(query) for query in request.query_params.getlist("of")]
    if name not in views.ALL_VIEWS or not questions or len({q.scenario for q in questions}) > 1:
        raise InvalidRequest(tr("there is nothing of that name to see"))
    about = tuple((one, request.query_params.get(one, "")) for one in ("event", "funder"))
    if name in views.FUNDER_VIEWS:
        questions = [
            questions[0],
            await _without_funder(session, questions[0], dict(about)["funder"]),
        ]
    stamp = request.query_params.get("stamp")
    work = session.request_view(name, questions, language, parameters=about, stamp=stamp)
    made = await _while_connected(request, work)
    if isinstance(made, AnswerFailure):
        code = 200 if made.is_conclusive else 409
        return HTMLResponse(render_template("failed.html.j2", failed=made), code)
    return HTMLResponse(made)


async def _while_connected(request: Request, work: Coroutine[Any, Any, Any]) -> Any:
    """What is made for who asks, for as long as he waits for it."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=DISCONNECT_CHECK_SECONDS))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()


async def _without_funder(session: UserSession, question: Question, funder: str) -> Question:
    """The same question with a funder that stays out: it has no money."""
    case = (await session.read_scenario(question.scenario, question.variant)).case
    known = await session.run_in_thread(controls.controls_by_id, case)
    for id in (f"funders.{funder}.budget_meur", f"total.{funder}"):
        if id in known:
            moved = {**dict(question.moved), id: "0"}
            return replace(question, moved=tuple(moved.items()))
    raise InvalidRequest(tr("there is no funder '{funder}' with a budget", funder=funder))


async def _download(session: UserSession, request: Request, language: Language) -> Response:
    """A file that is made of what is on the screen."""
    name, question = (
        request.path_params["name"],
        Question.from_query(request.query_params.get("of", "")),
    )
    source = session.store.source(question.scenario)
    if name == "scenario":
        content: Any = await session.run_in_thread(_file_with_question, session, question)
        file, kind = source.path.name, "application/yaml"
    elif name in views.DOWNLOADS:
        file, kind = views.DOWNLOADS[name]
        stamp = request.query_params.get("stamp")
        work = session.request_view(name, [question], language, is_file=True, stamp=stamp)
        content, file = await _while_connected(request, work), f"{source.path.stem}-{file}"
    else:
        raise InvalidRequest(tr("there is nothing of that name to take away"))
    if isinstance(content, AnswerFailure):
        return _error_response(request, content.message, 409)
    ascii_name = file.encode("ascii", "replace").decode().replace("?", "-").replace('"', "-")
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}"'}
    return Response(content, media_type=kind, headers=headers)


def _file_with_question(session: UserSession, question: Question) -> bytes:
    """The file of a scenario with a question as one more variant."""
    base = session.store.read_scenario(question.scenario, question.variant)
    known, n = base.case.variants, 1
    while (id := "asked" if n == 1 else f"asked_{n}") in known:
        n += 1
    made = scenario_store.question_as_variant(question, base.case, question.apply_to(base)[1])
    source = session.store.source(question.scenario)
    reader = session.store.reader if source.kind == "dropped" else None
    return scenario_store.file_with_variant(source, id, made, reader)


async def _search_figures(session: UserSession, request: Request, _language: Language) -> Response:
    """Single figures of the scenario whose name has all words that are looked for."""
    question = Question.from_query(request.query_params.get("of", ""))
    case = (await session.read_scenario(question.scenario, question.variant)).case
    words = request.query_params.get("q", "").casefold().split()
    wanted = list(dict.fromkeys(words))[:MAX_SEARCH_WORDS]
    if not wanted:
        return HTMLResponse("")
    work = session.run_in_thread(fragments.render_found_figures, case, wanted, dict(question.moved))
    return HTMLResponse(await _while_connected(request, work))


async def _upload(session: UserSession, request: Request, _language: Language) -> Response:
    """Take a file that was dropped; where its page is."""
    name, content = request.query_params.get("name", ""), await request.body()
    source = await session.run_in_thread(session.store.add_upload, name, content)
    return JSONResponse({"at": f"/board?{urlencode({'scenario': source.id})}"}, 201)


async def _correct_faults(session: UserSession, request: Request, _language: Language) -> Response:
    """Put figures in place of faulty ones, and go on."""
    form = await _read_form(request)
    id = form.pop("scenario", "")
    session.store.correct_values(id, {path: value for path, value in form.items() if value.strip()})
    return RedirectResponse(f"/board?{urlencode({'scenario': id})}", 303)


async def _save_variant(session: UserSession, request: Request, _language: Language) -> Response:
    """Write what is on the screen into the file, as a variant."""
    said = await _read_json(request)
    question, id = Question.from_query(str(said.get("query", ""))), str(said.get("id", "")).strip()
    source = session.store.source(question.scenario)
    base = await session.read_scenario(question.scenario, question.variant)
    if source.kind != "own":
        raise InvalidRequest(
            tr("only a file of this machine that was opened by its name is written to")
        )
    if not id.isidentifier() or not id.isascii():
        raise InvalidRequest(tr("a variant has a name of letters, digits and underscores"))
    settings = (await session.run_in_thread(question.apply_to, base))[1]
    made = scenario_store.question_as_variant(question, base.case, settings)
    await session.run_in_thread(scenario_store.save_variant, source, id, made)
    about = {
        "title": scenario_store.question_title(question, base.case),
        "id": id,
        "file": source.path,
    }
    return JSONResponse({"text": tr("Saved as variant “{id}” of {file}: {title}.", **about)}, 201)


async def _static_response(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC_TYPES:
        return Response(status_code=404)
    headers = {"Cache-Control": "no-cache"}
    return Response(static_file(name), media_type=STATIC_TYPES[name], headers=headers)


async def _read_json(request: Request) -> dict[str, Any]:
    try:
        said = await request.json()
        json.dumps(said, ensure_ascii=False).encode()  # which halves of surrogate pairs have not
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise UnreadableRequest(tr("the request cannot be read"))
    return said


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of a form, without files."""
    from urllib.parse import parse_qsl

    return dict(
        parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    )


def _render_page(name: str, request: Request, **values: Any) -> str:
    """A page, with the name of the user where it has some."""
    return render_template(name, user=user_display_name(request), **values)


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _error_response(request: Request, text: str, status: int) -> Response:
    """What is wrong, as a page or for the script that asked."""
    if _wants_html(request):
        return HTMLResponse(_render_page("sorry.html.j2", request, text=text), status)
    return JSONResponse({"text": text}, status)


def _confirm_foreign_link(session: UserSession, request: Request) -> Response:
    """A page that asks whether a link from elsewhere is to be opened."""
    if request.url.path != "/":
        session.store.source(
            Question.from_query(request.url.query).scenario
        )  # which there has to be
    at = f"{request.url.path}?{request.url.query}"
    return HTMLResponse(_render_page("foreign.html.j2", request, at=at))


async def _faults_response(
    session: UserSession, request: Request, faults: tuple[Fault, ...]
) -> Response:
    """All faults of a scenario, each at its place with its remedy."""
    if not _wants_html(request):
        return JSONResponse({"text": "\n".join(map(str, faults))}, 422)
    query = request.query_params.get("of") or request.url.query
    id = Question.from_query(query).scenario
    if id not in session.store.sources:
        return _error_response(request, "\n".join(map(str, faults)), 422)
    source = session.store.source(id)
    found, more = (
        await session.run_in_thread(scenario_store.correctable_faults, faults, source),
        len(faults),
    )
    made = _render_page(
        "faults.html.j2", request, source=source, faults=found, more=more - len(found)
    )
    return HTMLResponse(made, 422)
