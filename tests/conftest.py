"""Tests run the same whatever the language of the machine, and without any network."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from models import language

os.environ["VORRAT_LANGUAGE"] = "en"
_HERE = ("127.", "::1", "localhost")


def _stay_here(event: str, args: tuple[Any, ...]) -> None:
    """Refuse to reach another machine: nothing that is tested may need to."""
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and not str(address[0]).startswith(_HERE):
            raise PermissionError(f"a test reaches for {address[0]}")
    elif event == "socket.getaddrinfo" and args[0]:
        host = args[0].decode() if isinstance(args[0], bytes) else str(args[0])
        if not host.startswith((*_HERE, "0.0.0.0")):
            raise PermissionError(f"a test looks up {host}")


sys.addaudithook(_stay_here)


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Texts that were asked for in German and have none, as the test goes on."""
    missed: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            if key not in self:
                missed.add(key)
            return super().get(key, default)

    watched = Watched(language.german())
    monkeypatch.setattr(language, "german", lambda: watched)
    return missed
