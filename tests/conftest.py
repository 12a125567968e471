"""Tests run the same whatever the language of the machine."""

from __future__ import annotations

import os
from typing import Any

import pytest

from models import language

os.environ["VORRAT_LANGUAGE"] = "en"


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
