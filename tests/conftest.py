"""Tests run the same whatever the language of the machine, and without any network."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from empty_charts import empty_png, empty_svg
from hypothesis import settings

from models import language
from optimizer.report.charts.drawing import Chart

os.environ["VORRAT_LANGUAGE"] = "en"
gc.set_threshold(50_000, 20, 100)  # at the usual 700, a sixth of the time goes into garbage
gc.disable()  # until all tests are collected: what that makes stays
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

_NOTHING_SKIPPED = os.environ.get("VORRAT_NOTHING_SKIPPED") == "1"
"""Whether whatever a test needs is there, so that a skipped test is a failure: see ``.ci/run``."""


def _failed_if_skipped(report: Any) -> None:
    if _NOTHING_SKIPPED and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"


def _in_tier(at: int, step: int | None, count: int | None) -> bool:
    """Whether the case at a position is each of these, or one of the first ones."""
    return at % step == 0 if step is not None else count is None or at < count


settings.register_profile("fast", max_examples=30)


def pytest_configure(config: pytest.Config) -> None:
    """Let hypothesis draw fewer examples, other ones each time, for ``make test``."""
    if config.getoption("markexpr") == "not slow":
        settings.load_profile("fast")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow every serial and every exhaustive test, and the cases that ``quick`` leaves out;
    as exhaustive those that its ``ci`` leaves out as well."""
    seen: Counter[str] = Counter()
    for item in items:
        if (mark := item.get_closest_marker("quick")) is not None:
            test = item.nodeid.partition("[")[0]
            at, seen[test] = seen[test], seen[test] + 1
            step, (count, *_) = mark.kwargs.get("every"), (*mark.args, None)
            if not _in_tier(at, step, count):
                item.add_marker(pytest.mark.slow)
                ci = mark.kwargs.get("ci")
                if ci is not None and not _in_tier(at, step and ci, ci):
                    item.add_marker(pytest.mark.exhaustive)
        if any(item.get_closest_marker(name) is not None for name in ("serial", "exhaustive")):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: no garbage is looked for among it."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _failed_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _failed_if_skipped(report)
    return report


@pytest.fixture(autouse=True)
def charts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts stay empty unless a test is marked as ``drawn``: drawing takes most of the time of a
    page."""
    if request.node.get_closest_marker("drawn") is None:
        monkeypatch.setattr(Chart, "svg", empty_svg)
        monkeypatch.setattr(Chart, "png_file", empty_png)


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Texts that were asked for in German and have none, as the test goes on."""
    missed: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            if key not in self:
                missed.add(key)
            return super().get(key, default)

    watched = Watched(language.translations("de"))
    monkeypatch.setattr(language, "translations", lambda code: watched if code == "de" else {})
    return missed
