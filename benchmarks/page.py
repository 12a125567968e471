"""Response times of the page: from a moved control to the first plan and to the proof, also with
many users.

    python benchmarks/page.py [FILE] [--moves 100] [--seed 201]
                              [--users 1] [--minutes 0] [--pause 0]

The server of ``vorrat open`` runs in a separate process and is asked as by a browser. Moves are
drawn from all controls that the page shows: a number by up to 50 % of what the file says, a project
in or out. Each is one of the file, not of the move before. With several ``--users`` it is that of
``--serve``: each has a tab and moves of his own, which he makes one after the other with a pause
between, until all have made theirs or so many minutes are over. He looks at the brief of each
answer, which has to be that of his question; no tab may hear of a question that it did not ask.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil

from models.files import read_case
from optimizer.page.controls import MUST_BUILD, MUST_NOT_BUILD, controls_by_id

ROOT = Path(__file__).parents[1]
PUBLIC, SECRET = "https://vorrat.example.org", "a secret that is no secret, of a benchmark"


def moves(path: Path, seed: int) -> Iterator[str]:
    """Random moves of one control each, as an address has them."""
    case, draw = read_case(path).case, random.Random(seed)
    known = [one for one in controls_by_id(case).values() if one.base != 0]
    while True:
        one = draw.choice(known)
        if one.choices:
            yield f"{one.id}={draw.choice([MUST_BUILD, MUST_NOT_BUILD])}"
            continue
        value = min(float(one.base) * draw.uniform(0.5, 1.5), one.high)
        yield f"{one.id}={round(value) if one.is_integer else f'{value:.6g}'}"


class Server:
    """``vorrat open`` in a separate process."""

    def __init__(self, path: Path, is_for_many: bool) -> None:
        command = [sys.executable, "-m", "optimizer", "open", "--no-browser", "--stay", str(path)]
        self.is_for_many = is_for_many
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as secret:
            secret.write(SECRET)
            secret.flush()
            command += ["--serve", PUBLIC, "--secret", secret.name] if is_for_many else []
            self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
            assert self.process.stderr is not None
            found = re.search(r"(http\S+token\S+)|on (\S+) for", self.process.stderr.readline())
        assert found is not None
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.headers = {
            "Origin": PUBLIC,
            "Host": urlsplit(PUBLIC).netloc,
            "X-Vorrat-Secret": SECRET,
        }
        if is_for_many:
            self.host = found[2]
            return
        self.host = urlsplit(found[1]).netloc
        connection = http.client.HTTPConnection(self.host)
        connection.request("GET", found[1].removeprefix(f"http://{self.host}"))
        cookie = connection.getresponse().getheader("Set-Cookie") or ""
        self.headers = {"Cookie": cookie.partition(";")[0], "Origin": f"http://{self.host}"}

    @property
    def memory(self) -> int:
        """Bytes that it and its processes hold."""
        family = [psutil.Process(self.process.pid)]
        family += family[0].children(recursive=True)
        return sum(one.memory_info().rss for one in family)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


class Tab:
    """One tab: it sends questions, and records the times of events."""

    def __init__(self, server: Server, scenario: str, name: str) -> None:
        self.server, self.scenario, self.name, self.number = server, scenario, name, 0
        self.headers = server.headers | ({"X-Remote-User": name} if server.is_for_many else {})
        connection = http.client.HTTPConnection(server.host)
        connection.request("GET", f"/events?tab={name}", headers=self.headers)
        self.stream = connection.getresponse()
        self.foreign = 0  # things heard that answer another question

    def ask(self, move: str | None) -> dict[str, Any]:
        """When the first plan and the proof came, in seconds, and what was reported last."""
        query = urlencode({"scenario": self.scenario} | ({"set": move} if move else {}))
        self.number += 1
        began = time.perf_counter()
        connection = http.client.HTTPConnection(self.server.host)
        body = json.dumps({"tab": self.name, "number": self.number, "query": query})
        connection.request("POST", "/ask", body, self.headers)
        taken = connection.getresponse()
        reported: dict[str, Any] = {"move": move, "first": None, "heard": None}
        if taken.status != 202:
            return reported | {"state": "refused", "text": taken.read().decode()}
        while True:
            line = self.stream.readline().decode()
            assert line, "the stream has ended"
            if not line.startswith("data: "):
                continue
            said = json.loads(line[6:])
            if said["number"] != self.number:
                self.foreign += said["number"] > self.number or said.get("query") != self.last
                continue
            self.last = query
            at = time.perf_counter() - began
            reported["heard"] = reported["heard"] or at
            if said["state"] in ("first", "better", "proven", "stopped"):
                reported["first"] = reported["first"] or at
            if said["state"] in ("proven", "stopped", "failed"):
                return reported | {"state": said["state"], "seconds": at, "text": said["text"]}

    last = ""

    def look(self) -> tuple[float, str]:
        """How long the brief of the last question takes, and what it is."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection(self.server.host)
        made = f"/view/brief?{urlencode({'of': self.last})}"
        connection.request("GET", made, headers=self.headers)
        taken = connection.getresponse()
        text = taken.read().decode()
        assert taken.status == 200, text
        return time.perf_counter() - began, text


def line(name: str, seconds: list[float]) -> str:
    """Median and 95th percentile."""
    if not seconds:
        return f"{name}: none"
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    median = statistics.median(ordered)
    return f"{name}: median {median:.2f} s, 95 % {late:.2f} s, longest {ordered[-1]:.2f} s"


def main() -> None:
    """Ask, and print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "scenarios/germany-2026.yaml")
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--seed", type=int, default=201)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two moves")
    asked = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    server = Server(asked.file.resolve(), asked.users > 1)
    reported, held, began = list[dict[str, Any]](), list[tuple[float, int]](), time.monotonic()
    ends = time.monotonic() + 60 * asked.minutes if asked.minutes else float("inf")
    done = threading.Event()

    def weigh() -> None:
        while not done.wait(1.0):
            held.append((time.monotonic() - began, server.memory))

    def use(user: int) -> None:
        tab = Tab(server, asked.file.stem, f"user-{user}")
        drawn = moves(asked.file, asked.seed + user)
        for _ in range(asked.moves):
            if time.monotonic() > ends:
                break
            said = tab.ask(next(drawn)) | {"user": user}
            if asked.users > 1 and said["state"] in ("proven", "stopped"):
                said["look"], _ = tab.look()
            reported.append(said)
            time.sleep(asked.pause)
        assert not tab.foreign, f"user {user} heard of {tab.foreign} foreign questions"

    threading.Thread(target=weigh, daemon=True).start()
    try:
        first = Tab(server, asked.file.stem, "first").ask(None)
        print(
            f"the file as it is: first plan {first['first']:.1f} s, proven {first['seconds']:.1f} s"
        )
        users = [threading.Thread(target=use, args=(n,)) for n in range(asked.users)]
        for user in users:
            user.start()
        for user in users:
            user.join()
    finally:
        done.set()
        server.close()
    states = {one["state"] for one in reported}
    print({state: sum(one["state"] == state for one in reported) for state in sorted(states)})
    print(line("heard of", [one["heard"] for one in reported if one["heard"]]))
    print(line("first plan", [one["first"] for one in reported if one["first"]]))
    print(line("proven to 0.1 %", [one["seconds"] for one in reported if one["state"] == "proven"]))
    print(line("brief of an answer", [one["look"] for one in reported if "look" in one]))
    least = min(sum(one["user"] == user for one in reported) for user in range(asked.users))
    print(f"answers: {len(reported)}, of each user at least {least}")
    tenth = max(at for at, _ in held) / 10
    most = [max((size for at, size in held if at // tenth == n), default=0) for n in range(10)]
    print("memory of the server and its processes, MB at most, by tenths of the time:",
          *(f"{size / 1e6:.0f}" for size in most))  # fmt: skip
    for one in reported:
        if one["state"] not in ("proven",):
            print(one["move"], one["state"], one["text"][:200])


if __name__ == "__main__":
    main()
