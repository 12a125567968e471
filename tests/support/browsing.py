"""A headless Chromium that is controlled through its pipe by the DevTools protocol."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


class Browser:
    """Commands of the Chrome DevTools Protocol, and their answers."""

    def __init__(self, to: BinaryIO, answers: BinaryIO) -> None:
        self._to, self._answers, self._number = to, answers, 0
        self.events: list[dict[str, Any]] = []

    def __call__(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """The answer to a command; what happens meanwhile is kept in ``events``."""
        self._number += 1
        about = {"id": self._number, "method": method, "params": params}
        self._to.write(json.dumps(about | ({"sessionId": session} if session else {})).encode())
        self._to.write(b"\0")
        self._to.flush()
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, method: str, **params: Any) -> dict[str, Any]:
        """The next event of a kind, with such parameters."""
        while True:
            event = self.events.pop(0) if self.events else self._next()
            found: dict[str, Any] = event.get("params", {})
            if event.get("method") == method and params.items() <= found.items():
                return found

    def _next(self) -> dict[str, Any]:
        read = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            read += byte
        answer: dict[str, Any] = json.loads(read)
        return answer


@contextmanager
def browser(chromium: str, profile: Path) -> Iterator[Browser]:
    """A browser without any network, for as long as the context lasts, a minute at most."""
    theirs, ours = os.pipe()
    answers, reported = os.pipe()
    # It reads from 3 and writes to 4.
    shell = f'exec "$0" "$@" 3<&{theirs} 4>&{reported}'
    started = subprocess.Popen(
        [
            "bash", "-c", shell, chromium, "--headless", "--no-sandbox", "--disable-gpu",
            "--remote-debugging-pipe", "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}",
        ],
        pass_fds=(theirs, reported), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    os.close(reported)
    limit = threading.Timer(60, started.kill)
    limit.start()
    try:
        with os.fdopen(ours, "wb") as to, os.fdopen(answers, "rb") as answers_from:
            yield Browser(to, answers_from)
    finally:
        limit.cancel()
        started.kill()
        started.wait()
