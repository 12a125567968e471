"""Response times of the page: from a moved control to the first plan and to the proof.

    python benchmarks/page.py [FILE] [--moves 100] [--seed 201] [--minutes 0] [--pause 0]

The server of ``vorrat open`` runs in a separate process and gets the requests of a browser. A move
changes one control of the page against the file: a number by up to 50 %, or a project that must or
must not be built. Moves are made one after the other with a pause between, until all are made or
``--minutes`` are over. No events of questions that were not asked may come.
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


def moves(path: Path, seed: int) -> Iterator[str]:
    """Yield random moves of one control each, in the form of the page's address."""
    case, draw = read_case(path).case, random.Random(seed)
    controls = [control for control in controls_by_id(case).values() if control.base != 0]
    while True:
        control = draw.choice(controls)
        if control.choices:
            yield f"{control.id}={draw.choice([MUST_BUILD, MUST_NOT_BUILD])}"
            continue
        value = min(float(control.base) * draw.uniform(0.5, 1.5), control.high)
        yield f"{control.id}={round(value) if control.is_integer else f'{value:.6g}'}"


class Server:
    """``vorrat open`` in a separate process."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "optimizer", "open", "--no-browser", "--stay", str(path)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stderr is not None
        found = re.search(r"(http\S+token\S+)", self.process.stderr.readline())
        assert found is not None
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.host = urlsplit(found[1]).netloc
        connection = http.client.HTTPConnection(self.host)
        connection.request("GET", found[1].removeprefix(f"http://{self.host}"))
        cookie = connection.getresponse().getheader("Set-Cookie") or ""
        self.headers = {"Cookie": cookie.partition(";")[0], "Origin": f"http://{self.host}"}

    @property
    def memory(self) -> int:
        """Resident memory of the server and its processes in bytes."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        return sum(process.memory_info().rss for process in processes)

    def close(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait()


class Tab:
    """Tab of a browser: it sends questions, and records the times of events."""

    def __init__(self, server: Server, scenario: str, name: str) -> None:
        self.server, self.scenario, self.name, self.number = server, scenario, name, 0
        connection = http.client.HTTPConnection(server.host)
        connection.request("GET", f"/events?tab={name}", headers=server.headers)
        self.stream = connection.getresponse()
        self.foreign = 0  # number of events that belong to other questions

    def ask(self, move: str | None) -> dict[str, Any]:
        """Ask a question. Return the seconds until the first event, the first plan and the last
        event, and the state and text of the last event."""
        query = urlencode({"scenario": self.scenario} | ({"set": move} if move else {}))
        self.number += 1
        began = time.perf_counter()
        connection = http.client.HTTPConnection(self.server.host)
        body = json.dumps({"tab": self.name, "number": self.number, "query": query})
        connection.request("POST", "/ask", body, self.server.headers)
        response = connection.getresponse()
        reported: dict[str, Any] = {"move": move, "first": None, "heard": None}
        if response.status != 202:
            return reported | {"state": "refused", "text": response.read().decode()}
        while True:
            line = self.stream.readline().decode()
            assert line, "the stream has ended"
            if not line.startswith("data: "):
                continue
            event = json.loads(line[6:])
            if event["number"] != self.number:
                self.foreign += event["number"] > self.number or event.get("query") != self.last
                continue
            self.last = query
            seconds = time.perf_counter() - began
            reported["heard"] = reported["heard"] or seconds
            if event["state"] in ("first", "better", "proven", "stopped"):
                reported["first"] = reported["first"] or seconds
            if event["state"] in ("proven", "stopped", "failed"):
                outcome = {"state": event["state"], "seconds": seconds, "text": event["text"]}
                return reported | outcome

    last = ""


def line(name: str, seconds: list[float]) -> str:
    """Return a line with the median, the 95th percentile and the maximum of ``seconds``."""
    if not seconds:
        return f"{name}: none"
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    median = statistics.median(ordered)
    return f"{name}: median {median:.2f} s, 95 % {late:.2f} s, longest {ordered[-1]:.2f} s"


def main() -> None:
    """Ask all questions, and print times and memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "scenarios/germany-2026.yaml")
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--seed", type=int, default=201)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two moves")
    args = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    server = Server(args.file.resolve())
    reported, memory, began = list[dict[str, Any]](), list[tuple[float, int]](), time.monotonic()
    ends = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    done = threading.Event()

    def record_memory() -> None:
        while not done.wait(1.0):
            memory.append((time.monotonic() - began, server.memory))

    threading.Thread(target=record_memory, daemon=True).start()
    try:
        first = Tab(server, args.file.stem, "first").ask(None)
        print(
            f"the file as it is: first plan {first['first']:.1f} s, proven {first['seconds']:.1f} s"
        )
        tab, drawn = Tab(server, args.file.stem, "second"), moves(args.file, args.seed)
        for _ in range(args.moves):
            if time.monotonic() > ends:
                break
            reported.append(tab.ask(next(drawn)))
            time.sleep(args.pause)
        assert not tab.foreign, f"heard of {tab.foreign} questions that were not asked"
    finally:
        done.set()
        server.close()
    states = {one["state"] for one in reported}
    print({state: sum(one["state"] == state for one in reported) for state in sorted(states)})
    print(line("heard of", [one["heard"] for one in reported if one["heard"]]))
    print(line("first plan", [one["first"] for one in reported if one["first"]]))
    print(line("proven to 0.1 %", [one["seconds"] for one in reported if one["state"] == "proven"]))
    print(f"answers: {len(reported)}")
    tenth = max(seconds for seconds, _ in memory) / 10
    most = [max((size for t, size in memory if t // tenth == n), default=0) for n in range(10)]
    print("memory of the server and its processes, MB at most, by tenths of the time:",
          *(f"{size / 1e6:.0f}" for size in most))  # fmt: skip
    for one in reported:
        if one["state"] not in ("proven",):
            print(one["move"], one["state"], one["text"][:200])


if __name__ == "__main__":
    main()
