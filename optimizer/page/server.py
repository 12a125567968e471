"""The server of the page: routes, responses and event streams.

It runs on one thread; a separate process solves (:mod:`optimizer.page.session`). A tab of a
browser asks a question by a request, and receives the answers through a stream of events. If the
stream breaks off, the tab opens it again, and the last event is sent again.
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
from models.language import LANGUAGES, Language, current_language, tr, using
from optimizer.page import controls, fragments, scenario_store, views
from optimizer.page.fragments import render_template, static_file
from optimizer.page.guard import BodyNotReceived, is_foreign
from optimizer.page.scenario_store import (
    InvalidRequest,
    Question,
    UnreadableRequest,
    question_as_variant,
    question_title,
)
from optimizer.page.session import STREAM_GRACE_SECONDS, PageSession
from optimizer.page.worker import AnswerFailure

HEARTBEAT_SECONDS = 10.0
"""Seconds between two comments that keep an idle event stream open."""
DISCONNECT_CHECK_SECONDS = 1.0  # seconds between two checks whether the client has gone
MAX_STREAMS_PER_TAB = 6
"""Maximal number of streams of one tab: a browser opens a new one when the old one breaks off, and
has six connections."""
MAX_SEARCH_WORDS = 20  # further words of a search are ignored
STATIC_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


# Routes


def create_app(session: PageSession) -> Starlette:
    """Return the application, which has to run behind a guard."""

    def route(path: str, handler: Handler, *methods: str) -> Route:
        return Route(path, _with_error_pages(session, handler), methods=methods or None)

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
            route("/here", _keep_alive),
            route("/static/{name}", _static_response),
        ]
    )


Handler = Callable[[PageSession, Request], Awaitable[Response]]


def _with_error_pages(
    session: PageSession, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    """Return a request handler that sets the user's language, calls ``handler``, and returns a page
    for each error."""

    async def handle(request: Request) -> Response:
        requested_language = request.query_params.get("lang") or request.cookies.get("language")
        session.last_seen = max(session.last_seen, time.monotonic())
        language: Language = next(
            (code for code in LANGUAGES if code == requested_language), session.language
        )
        with using(language):
            try:
                if is_foreign(request) and (request.url.path != "/" or request.url.query):
                    return _confirm_foreign_link(session, request)
                response = await handler(session, request)
            except ScenarioError as error:
                response = await _faults_response(session, request, error.faults)
            except InvalidRequest as error:
                response = _error_response(session, request, str(error), error.status)
            except BodyNotReceived as error:
                response = _error_response(session, request, str(error), error.code)
            except ClientDisconnect:  # nobody receives the response
                response = Response(status_code=400)
            except VorratError as error:
                response = _error_response(session, request, str(error), 500)
            except OSError as error:  # of a file, such as a full disk
                problem = tr(str(error.strerror or error))
                response = _error_response(
                    session, request, tr("Nothing has changed: {problem}.", problem=problem), 500
                )
        if request.query_params.get("lang") and not is_foreign(request):
            path = session.base.path or "/"
            response.set_cookie("language", language, path=path, samesite="lax")
        return response

    return handle


async def _choose_page(session: PageSession, request: Request) -> Response:
    """Return the page that lists the available scenarios and accepts uploads."""
    entries: list[Any] = []
    language = current_language()
    for source in list(session.store.sources.values()):
        try:
            case = (await session.read_scenario(source.id)).case
        except InvalidRequest:  # removed meanwhile
            continue
        except ScenarioError as error:
            entries.append((source, source.path.name, "", {}, len(error.faults)))
            continue
        variants = {id: display_name(v.title, id, language) for id, v in case.variants.items()}
        description = display_name(case.description, "", language)
        entries.append(
            (source, display_name(case.title, source.id, language), description, variants, 0)
        )
    return HTMLResponse(_render_page(session, "choose.html.j2", scenarios=entries))


async def _board_page(session: PageSession, request: Request) -> Response:
    """Show the page of a scenario with its controls."""
    question = Question.from_query(request.url.query)
    loaded_scenario = await session.read_scenario(question.scenario, question.variant)
    base_case = (await session.read_scenario(question.scenario)).case
    arguments = (
        session.store.source(question.scenario),
        question,
        loaded_scenario,
        base_case,
        session.base,
    )
    return HTMLResponse(await asyncio.to_thread(fragments.render_board, *arguments))


async def _event_stream(session: PageSession, request: Request) -> Response:
    """Return the stream of events for a tab. It begins with the last event, if there was one."""
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
                    event = await asyncio.wait_for(stream.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if event is None:
                    break
                yield f"data: {json.dumps(event)}\n\n"
        finally:
            tab.streams.discard(stream)
            session.last_seen = time.monotonic()
            asyncio.get_running_loop().call_later(STREAM_GRACE_SECONDS, tab.cancel_if_no_stream)

    proxy_headers = {"X-Accel-Buffering": "no"}  # nginx must not buffer
    return StreamingResponse(lines(), media_type="text/event-stream", headers=proxy_headers)


async def _post_question(session: PageSession, request: Request) -> Response:
    """Accept a question. The answer is sent through the event stream of its tab."""
    body = await _read_json(request)
    question = Question.from_query(str(body.get("query", "")))
    # Prepared first, so that the response reports faults.
    prepared = await session.prepare_question(question)
    number = body.get("number")
    if not isinstance(number, int):
        raise UnreadableRequest(tr("the request cannot be read"))
    session.ask(session.tab(str(body.get("tab", ""))[:64]), number, prepared)
    return JSONResponse({"query": question.query}, 202)


async def _keep_alive(_session: PageSession, _request: Request) -> Response:
    """Accept the request by which a tab in the background shows that it is still open."""
    return Response(status_code=204)


async def _stop_search(session: PageSession, request: Request) -> Response:
    """Stop the search for a tab. The tab then receives the best plan so far."""
    session.stop_search(session.tab(str((await _read_json(request)).get("tab", ""))[:64]))
    return JSONResponse({}, 202)


async def _get_view(session: PageSession, request: Request) -> Response:
    """Return a view of one or several plans as HTML."""
    name = request.path_params["name"]
    questions = [Question.from_query(query) for query in request.query_params.getlist("of")]
    if name not in views.ALL_VIEWS or not questions or len({q.scenario for q in questions}) > 1:
        raise InvalidRequest(tr("there is nothing of that name to see"))
    parameters = tuple((key, request.query_params.get(key, "")) for key in ("event", "funder"))
    if name in views.FUNDER_VIEWS:
        questions = [
            questions[0],
            await _without_funder(session, questions[0], dict(parameters)["funder"]),
        ]
    stamp = request.query_params.get("stamp")
    rendering = session.request_view(name, questions, parameters=parameters, stamp=stamp)
    view = await _while_connected(request, rendering)
    if isinstance(view, AnswerFailure):
        code = 200 if view.is_conclusive else 409
        return HTMLResponse(render_template("failed.html.j2", failed=view), code)
    return HTMLResponse(view)


async def _while_connected(request: Request, work: Coroutine[Any, Any, Any]) -> Any:
    """Wait for a result while the client is connected, and return it. Raises ClientDisconnect."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=DISCONNECT_CHECK_SECONDS))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()


async def _without_funder(session: PageSession, question: Question, funder: str) -> Question:
    """Return the same question, but with the budget of one funder set to zero."""
    case = (await session.read_scenario(question.scenario, question.variant)).case
    known_controls = await asyncio.to_thread(controls.controls_by_id, case)
    for id in (f"funders.{funder}.budget_meur", f"total.{funder}"):
        if id in known_controls:
            moved_values = {**dict(question.moved), id: "0"}
            return replace(question, moved=tuple(moved_values.items()))
    raise InvalidRequest(tr("there is no funder '{funder}' with a budget", funder=funder))


async def _download(session: PageSession, request: Request) -> Response:
    """Return a file that is made from the plan for a question."""
    name = request.path_params["name"]
    question = Question.from_query(request.query_params.get("of", ""))
    source = session.store.source(question.scenario)
    if name == "scenario":
        content: Any = await asyncio.to_thread(_file_with_question, session, question)
        file, kind = source.path.name, "application/yaml"
    elif name in views.DOWNLOADS:
        file, kind = views.DOWNLOADS[name]
        stamp = request.query_params.get("stamp")
        work = session.request_view(name, [question], is_file=True, stamp=stamp)
        content, file = await _while_connected(request, work), f"{source.path.stem}-{file}"
    else:
        raise InvalidRequest(tr("there is nothing of that name to take away"))
    if isinstance(content, AnswerFailure):
        return _error_response(session, request, content.message, 409)
    ascii_name = file.encode("ascii", "replace").decode().replace("?", "-").replace('"', "-")
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}"'}
    return Response(content, media_type=kind, headers=headers)


def _file_with_question(session: PageSession, question: Question) -> bytes:
    """Return the file of a scenario with the question as a further variant."""
    base_scenario = session.store.read_scenario(question.scenario, question.variant)
    known_variants, n = base_scenario.case.variants, 1
    while (id := "asked" if n == 1 else f"asked_{n}") in known_variants:
        n += 1
    variant = question_as_variant(question, base_scenario.case, question.apply_to(base_scenario)[1])
    source = session.store.source(question.scenario)
    read_apart = session.store.read_apart if source.kind == "dropped" else None
    return scenario_store.file_with_variant(source, id, variant, read_apart)


async def _search_figures(session: PageSession, request: Request) -> Response:
    """Return the figures of a scenario whose names contain all words of a search, as HTML."""
    question = Question.from_query(request.query_params.get("of", ""))
    case = (await session.read_scenario(question.scenario, question.variant)).case
    words = request.query_params.get("q", "").casefold().split()
    wanted_words = list(dict.fromkeys(words))[:MAX_SEARCH_WORDS]
    if not wanted_words:
        return HTMLResponse("")
    work = asyncio.to_thread(
        fragments.render_found_figures, case, wanted_words, dict(question.moved)
    )
    return HTMLResponse(await _while_connected(request, work))


async def _upload(session: PageSession, request: Request) -> Response:
    """Accept an uploaded file. Return the address of its page."""
    name, content = request.query_params.get("name", ""), await request.body()
    source = await asyncio.to_thread(session.store.add_upload, name, content)
    return JSONResponse({"at": _board_path(session, source.id)}, 201)


def _board_path(session: PageSession, id: str) -> str:
    return f"{session.base.path}/board?{urlencode({'scenario': id})}"


async def _correct_faults(session: PageSession, request: Request) -> Response:
    """Replace faulty values of a scenario, and have the browser load its page again."""
    form = await _read_form(request)
    id = form.pop("scenario", "")
    session.store.correct_values(id, {path: value for path, value in form.items() if value.strip()})
    return RedirectResponse(_board_path(session, id), 303)


async def _save_variant(session: PageSession, request: Request) -> Response:
    """Write the question as a variant into the file of its scenario."""
    body = await _read_json(request)
    question, id = Question.from_query(str(body.get("query", ""))), str(body.get("id", "")).strip()
    source = session.store.source(question.scenario)
    base_scenario = await session.read_scenario(question.scenario, question.variant)
    if source.kind != "own":
        raise InvalidRequest(
            tr("only a file of this machine that was opened by its name is written to")
        )
    if not id.isidentifier() or not id.isascii():
        raise InvalidRequest(tr("a variant has a name of letters, digits and underscores"))
    settings = (await asyncio.to_thread(question.apply_to, base_scenario))[1]
    variant = question_as_variant(question, base_scenario.case, settings)
    await asyncio.to_thread(scenario_store.save_variant, source, id, variant)
    details = {"title": question_title(question, base_scenario.case), "id": id, "file": source.path}
    return JSONResponse({"text": tr("Saved as variant “{id}” of {file}: {title}.", **details)}, 201)


async def _static_response(_session: PageSession, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC_TYPES:
        return Response(status_code=404)
    headers = {"Cache-Control": "no-cache"}
    return Response(static_file(name), media_type=STATIC_TYPES[name], headers=headers)


async def _read_json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
        json.dumps(body, ensure_ascii=False).encode()  # fails for lone surrogates
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise UnreadableRequest(tr("the request cannot be read"))
    return body


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form by name, without uploaded files."""
    from urllib.parse import parse_qsl

    return dict(
        parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    )


def _render_page(session: PageSession, name: str, **values: Any) -> str:
    return render_template(name, base=session.base, **values)


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _error_response(session: PageSession, request: Request, text: str, status: int) -> Response:
    """Return an error as a page, or as JSON for a script."""
    if _wants_html(request):
        return HTMLResponse(_render_page(session, "sorry.html.j2", text=text), status)
    return JSONResponse({"text": text}, status)


def _confirm_foreign_link(session: PageSession, request: Request) -> Response:
    """Return a page that asks the user whether to follow a link from another site."""
    if request.url.path != "/":
        session.store.source(Question.from_query(request.url.query).scenario)  # raises if unknown
    at = f"{session.base.path}{request.url.path}?{request.url.query}"
    return HTMLResponse(_render_page(session, "foreign.html.j2", at=at))


async def _faults_response(
    session: PageSession, request: Request, faults: tuple[Fault, ...]
) -> Response:
    """Return all faults of a scenario: as a page with their locations and how to correct them, or
    as text for a script."""
    if not _wants_html(request):
        return JSONResponse({"text": "\n".join(map(str, faults))}, 422)
    query = request.query_params.get("of") or request.url.query
    id = Question.from_query(query).scenario
    if id not in session.store.sources:
        return _error_response(session, request, "\n".join(map(str, faults)), 422)
    source = session.store.source(id)
    shown_faults = await asyncio.to_thread(scenario_store.correctable_faults, faults, source)
    count = len(faults)
    more = count - len(shown_faults)
    html = _render_page(session, "faults.html.j2", source=source, faults=shown_faults, more=more)
    return HTMLResponse(html, 422)
