"""The page for many: through the proxy only, each by himself, all in turn, and nothing stays."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from open_page import PATIENCE, TUTORIAL, Served, dropped, own_text, query_of, served
from pages import read

from optimizer.page.scenario_store import MAX_DROPPED_FILES
from optimizer.page.users import MAX_TABS_PER_USER

SERVED = ("--jobs", "2", TUTORIAL)
BASE = query_of("tutorial")


# Each by himself


@pytest.mark.slow
def test_what_one_drops_the_others_do_not_have(server: Served) -> None:
    ada, eve = server.visitor("Ada"), server.visitor("Eve")
    id = dropped(ada, own_text(1), "secret-plans.yaml")
    assert "secret-plans" in ada.get("/").text
    assert "secret-plans" not in eve.get("/").text
    query = query_of(id)
    for path in (f"/board?scenario={id}", f"/figures?of=scenario%3D{id}&q=x"):
        assert ada.get(path).status == 200
        assert eve.get(path).status == 404
    assert ada.view("brief", query).status == 200
    assert eve.view("brief", query).status == 404
    assert eve.take("plan", query).status == 404
    assert eve.take("scenario", query).status == 404
    assert eve.post("/ask", {"tab": "t", "number": 1, "query": query}).status == 404
    mended = eve.post("/mend", f"scenario={id}&x=1".encode(), "application/x-www-form-urlencoded")
    assert mended.status == 404


@pytest.mark.slow
def test_the_same_file_of_two_users_has_a_process_for_each(tmp_path: Path) -> None:
    with served(tmp_path, "--jobs", "3") as own:
        for user in ("Ada", "Eve"):
            visitor = own.visitor(user)
            id = dropped(visitor, own_text(2))
            assert visitor.view("brief", query_of(id)).status == 200
        assert len(own.workers()) == 2


@pytest.mark.slow
def test_what_all_have_is_mended_by_nobody(server: Served) -> None:
    """A value may name other files of its folder, which is the administrator's."""
    for field in ("title=Mended", "include=[other.yaml]"):
        form = f"scenario=tutorial&{field}".encode()
        answer = server.visitor().post("/mend", form, "application/x-www-form-urlencoded")
        assert answer.status == 404
        assert "dropped yourself" in answer.text
    assert "Mended" not in server.visitor().get("/board?scenario=tutorial").text


@pytest.mark.slow
def test_what_one_has_dropped_is_mended_within_bounds(server: Served) -> None:
    ada = server.visitor("Ada")
    id = dropped(ada, own_text(7))
    kind = "application/x-www-form-urlencoded"
    good = f"scenario={id}&title=Mended by Ada".encode()
    assert ada.post("/mend", good, kind).status == 303
    assert "Mended by Ada" in ada.get(f"/board?scenario={id}").text
    for many in ("&".join(f"x{n}=1" for n in range(201)), "title=" + "x" * 600):
        assert ada.post("/mend", f"scenario={id}&{many}".encode(), kind).status == 404
    assert ada.post("/forget", b"").status == 303
    assert ada.get(f"/board?scenario={id}").status == 404


@pytest.mark.slow
def test_what_was_mended_never_answers_what_all_have(tmp_path: Path) -> None:
    """A question that is taken in while all of its user is removed."""
    patch = """
from time import sleep
from optimizer.page import question
real = question.Question.apply_to
def slowly(self, base):
    found = real(self, base)
    sleep(0.6)
    return found
question.Question.apply_to = slowly
"""
    with served(tmp_path, "--jobs", "1", patch=patch) as own:
        ada, eve = own.visitor("Ada"), own.visitor("Eve")
        id = dropped(ada, own_text(8))
        ada.get(f"/board?scenario={id}")  # so that no reading of the file is ended below
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(
                ada.post("/ask", {"tab": "t", "number": 1, "query": query_of(id)})
            )
        )
        asking.start()
        time.sleep(0.3)
        assert ada.post("/forget", b"").status == 303
        asking.join(PATIENCE)
        assert answers[0].status == 404
        assert own.workers() == []
        with eve.tab() as tab:
            assert figures(tab.ask(BASE))[0].startswith("12 ")


@pytest.mark.slow
def test_a_slow_upload_does_not_delay_other_users(server: Served) -> None:
    bob, eve = server.visitor("Slow Bob"), server.visitor("Eve")
    lines = "".join(f"k{n}: {n}\n" for n in range(40_000))
    id = dropped(bob, own_text(9) + lines.encode())
    assert eve.view("money", BASE).status == 200  # a process is there by now
    waiting = [
        threading.Thread(target=bob.get, args=(f"/board?scenario={id}",), daemon=True)
        for _ in range(12)
    ]
    for one in waiting:
        one.start()
    time.sleep(0.2)
    slowest = 0.0
    for _ in range(10):
        began = time.monotonic()
        assert eve.get("/here").status == 204
        assert eve.view("money", BASE).status == 200
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 10.0
    for one in waiting:
        one.join(PATIENCE)


@pytest.mark.slow
def test_a_file_with_a_thousand_faults_shows_some_of_them(server: Served) -> None:
    ada = server.visitor("Ada")
    id = dropped(ada, own_text(10) + "".join(f"k{n}: {n}\n" for n in range(1000)).encode())
    page = ada.get(f"/board?scenario={id}", Accept="text/html")
    assert page.status == 422
    assert page.text.count('<li class="error">') == 100
    assert "And 900 more" in page.text


@pytest.mark.slow
def test_a_question_that_is_too_long_is_refused(server: Served) -> None:
    query = query_of("tutorial", "capex=1." + "1" * 40_000)
    sent = server.visitor().post("/ask", {"tab": "t", "number": 1, "query": query})
    assert sent.status == 404


@pytest.mark.slow
def test_a_disconnected_user_has_no_place_in_the_queue(tmp_path: Path) -> None:
    """Nine views whose browser has gone, and then a question."""
    import http.client

    with served(tmp_path, "--jobs", "1") as own, own.visitor("Ada").tab() as tab:
        tab.ask(BASE)
        (worker,) = own.workers()
        worker.suspend()
        lines = []
        for _ in range(9):
            line = http.client.HTTPConnection("127.0.0.1", own.port, timeout=PATIENCE)
            line.request("GET", "/view/brief?of=scenario%3Dtutorial",
                         headers=own.visitor("Ada").proxied)  # fmt: skip
            lines.append(line)
        time.sleep(0.3)
        for line in lines:
            line.close()
        time.sleep(2.5)
        tab.send(query_of("tutorial", "capex=2"))
        worker.resume()
        assert tab.answer()["state"] == "proven"


@pytest.mark.slow
def test_a_tab_of_the_same_name_is_another_one_for_another_user(server: Served) -> None:
    """Another user with the name of a tab gets no events."""
    import http.client

    with server.visitor("Ada").tab() as tab:
        assert tab.ask(BASE)["state"] == "proven"
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
        line.request("GET", f"/events?tab={tab.id}", headers=server.visitor("Eve").proxied)
        stream = line.getresponse()
        assert stream.readline() == b"retry: 1000\n"
        assert stream.readline() == b"\n"
        with pytest.raises(TimeoutError):
            stream.readline()
        line.close()


@pytest.mark.slow
def test_many_ask_at_once_and_each_hears_his_own_answer(server: Served) -> None:
    """Eight users, three questions each; each answer equals that of a user without concurrent
    ones."""
    factors = [0.8, 0.9, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]
    heard: dict[str, list[Any]] = {}

    def use(n: int) -> None:
        with server.visitor(f"user {n}").tab() as tab:
            for m in range(3):
                query = query_of("tutorial", f"capex={factors[(n + m) % 8]}")
                heard.setdefault(query, []).append(figures(tab.ask(query)))
                numbers = {one["number"] for one in tab.heard}
                assert numbers <= set(range(1, m + 2))
            assert {one["query"] for one in tab.heard} == {
                query_of("tutorial", f"capex={factors[(n + m) % 8]}") for m in range(3)
            }

    users = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join(PATIENCE)
    assert len(heard) == 8
    for answers in heard.values():
        assert len(answers) == 3
        assert all(one == answers[0] for one in answers)
    assert len({str(answers[0]) for answers in heard.values()}) > 1
    assert len(server.workers()) <= 3


def figures(said: dict[str, Any]) -> list[str]:
    assert said["state"] == "proven", said
    return [one.text for one in read(said["html"]).all("dd")
            if one.attributes.get("class") == "figure"]  # fmt: skip


@pytest.mark.slow
def test_plans_of_two_processes_stand_side_by_side(tmp_path: Path) -> None:
    """One is lent to the other, and what is shown is what one process alone shows."""
    queries = [query_of("tutorial", f"capex={factor}") for factor in (1.25, 0.75)]
    shown = []
    for jobs in ("1", "2"):
        with served(tmp_path, "--jobs", jobs) as own, ExitStack() as stack:
            tabs = [stack.enter_context(own.visitor("Ada").tab()) for _ in queries]
            for tab, query in zip(tabs, queries, strict=True):
                tab.send(query)
                if jobs == "2" and tab is tabs[0]:
                    wait_for(lambda own=own: len(own.workers()) == 1)
                    (first,) = own.workers()
                    first.suspend()  # so that the other question needs another process
            if jobs == "2":
                assert tabs[1].answer()["state"] == "proven"
                first.resume()
            for tab in tabs[: 1 if jobs == "2" else 2]:
                assert tab.answer()["state"] == "proven"
            assert len(own.workers()) == int(jobs)
            for name in ("changed", "board"):
                view = own.visitor("Ada").view(name, *queries)
                assert view.status == 200, view.text
                shown.append(re.sub(r'id="[^"]*"|#[\w-]+', "", view.text))
    assert shown[:2] == shown[2:]


def wait_for(there: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)


# In turn


@pytest.mark.slow
def test_those_who_wait_hear_how_many_are_before_them(tmp_path: Path) -> None:
    with served(tmp_path, "--jobs", "1") as own, ExitStack() as stack:
        tabs = [stack.enter_context(own.visitor(name).tab()) for name in ("Ada", "Eve", "Bea")]
        tabs[0].ask(BASE)
        (worker,) = own.workers()
        worker.suspend()
        for n, tab in enumerate(tabs):
            tab.send(query_of("tutorial", f"capex={2 + n}"))
            while tab.hear()["state"] != ("waiting" if n else "asked"):
                pass
        assert [tab.heard[-1]["text"] for tab in tabs[1:]] == [
            "Waiting; 1 before you.", "Waiting; 2 before you."
        ]  # fmt: skip
        worker.resume()
        assert all(tab.answer()["state"] == "proven" for tab in tabs)
        said = [one["text"] for one in tabs[2].heard if one["state"] == "waiting"]
        assert said == ["Waiting; 2 before you.", "Waiting; 1 before you."]


@pytest.mark.slow
def test_a_user_with_too_many_questions_is_refused_and_others_are_answered(tmp_path: Path) -> None:
    with served(tmp_path, "--jobs", "1") as own, ExitStack() as stack:
        ada, eve = own.visitor("Ada"), own.visitor("Eve")
        tabs = [stack.enter_context(ada.tab()) for _ in range(10)]
        tabs[0].ask(BASE)
        (worker,) = own.workers()
        worker.suspend()
        for n, tab in enumerate(tabs):
            tab.send(query_of("tutorial", f"capex={2 + n}"))
        said = tabs[-1].answer()
        assert said["state"] == "failed"
        assert "Too many questions are waiting" in read(said["html"]).text
        with eve.tab() as hers:
            hers.send(query_of("tutorial", "capex=1.5"))
            while hers.hear()["state"] != "waiting":
                pass
            worker.resume()
            assert hers.answer()["state"] == "proven"
        assert all(tab.answer()["state"] == "proven" for tab in tabs[:-1])


@pytest.mark.slow
def test_one_has_no_more_tabs_and_files_than_that(server: Served) -> None:
    bob = server.visitor("Bob")
    with ExitStack() as stack:
        for _ in range(MAX_TABS_PER_USER):
            stack.enter_context(bob.tab())
        answer = bob.get("/events?tab=one-more")
        assert answer.status == 503
        assert server.visitor("Cleo").get("/").status == 200
    for n in range(MAX_DROPPED_FILES):
        dropped(bob, own_text(100 + n), f"file-{n}.yaml")
    answer = bob.post("/drop?name=one-more.yaml", own_text(99))
    assert answer.status == 404
    assert f"{MAX_DROPPED_FILES} files" in answer.json["text"]
    bob.post("/forget", b"")
    dropped(bob, own_text(99))


# Nothing stays


def files_of(server: Served) -> set[str]:
    """Names of the files that the server has of what was dropped and is to go."""
    # os.walk passes over a folder that the server removes meanwhile; a glob of 3.11 stops at it.
    every = {name for _, _, names in os.walk(server.temp) for name in names}
    return {name for name in every if "kept-by-nobody" in name}


@pytest.mark.slow
def test_what_one_dropped_is_removed_when_he_says_so(server: Served) -> None:
    ada, eve = server.visitor("Ada"), server.visitor("Eve")
    for visitor, name in ((ada, "ada"), (eve, "eve")):
        id = dropped(visitor, own_text(3), f"{name}-kept-by-nobody.yaml")
        assert visitor.view("brief", query_of(id)).status == 200
    assert files_of(server) == {"ada-kept-by-nobody.yaml", "eve-kept-by-nobody.yaml"}
    before = len(server.workers())
    with ada.tab() as tab:
        tab.ask(BASE)
        answer = ada.post("/forget", b"", "application/x-www-form-urlencoded")
        assert (answer.status, answer.headers["location"]) == (303, "/")
        with pytest.raises(AssertionError, match="the stream has ended"):
            tab.hear()
    assert files_of(server) == {"eve-kept-by-nobody.yaml"}
    assert len(server.workers()) < before + 1
    assert "ada-kept" not in ada.get("/").text
    assert "eve-kept" in eve.get("/").text
    eve.post("/forget", b"")
    assert files_of(server) == set()


@pytest.mark.slow
def test_uploaded_files_are_removed_when_their_user_has_left(tmp_path: Path) -> None:
    patch = "from optimizer.page import users\n"
    patch += "made = users.Users\n"
    patch += "users.Users = lambda *given: made(*given, forget_after=1.0)"
    with served(tmp_path, "--jobs", "1", patch=patch) as own:
        ada = own.visitor("Ada")
        with ada.tab() as tab:
            id = dropped(ada, own_text(4), "gone-kept-by-nobody.yaml")
            assert tab.ask(query_of(id))["state"] == "proven"
            time.sleep(2.5)
            assert files_of(own) == {"gone-kept-by-nobody.yaml"}  # somebody looks
        wait_for(lambda: files_of(own) == set())
        wait_for(lambda: own.workers() == [])
        assert ada.get(f"/board?scenario={id}").status == 404


@pytest.mark.slow
def test_nothing_stays_when_the_server_ends(tmp_path: Path) -> None:
    with served(tmp_path, "--jobs", "1") as own:
        ada = own.visitor("Ada")
        id = dropped(ada, own_text(5), "end-kept-by-nobody.yaml")
        assert ada.view("brief", query_of(id)).status == 200
        (worker,) = own.workers()
        own.process.terminate()  # as systemd and containers do
        assert own.finish() in (0, -15)
        assert files_of(own) == set()
        assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_offered_files_are_not_written(tmp_path: Path) -> None:
    offered = tmp_path / "offered.yaml"
    offered.write_bytes(before := own_text(6))
    with served(tmp_path, "--jobs", "1", offered) as own:
        ada = own.visitor("Ada")
        id = re.search(r"scenario=(offered-\w+)", ada.get("/").text)
        assert id is not None
        page = ada.get(f"/board?scenario={id[1]}").text
        assert 'id="save"' not in page
        said = {"query": query_of(id[1], "capex=2"), "id": "mine"}
        assert ada.post("/save", said).status == 404
        assert ada.take("scenario", said["query"]).status == 200
    assert offered.read_bytes() == before
