"""The engine that the options of a command ask for."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from optimizer.cli import engines
from optimizer.engine import Limits, Processes, in_use


def test_processes_of_this_machine_unless_told_otherwise() -> None:
    with engines.asked_for(jobs=3, memory_limit=10**9, seconds=5.0) as engine:
        assert engine == Processes(Limits(memory=10**9, seconds=5.0), 3)
        assert in_use() is engine
    assert in_use() != engine


@pytest.mark.parametrize(
    ("scheduler", "problem"),
    [
        ("tcp://10.0.0.5:8786", "TLS alone"),
        ("10.0.0.5:8786", "missing: --tls-ca, --tls-cert, --tls-key"),
        ("10.0.0.5", "no address of a scheduler"),
        (None, "for a --scheduler"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(
    scheduler: str | None, problem: str, tmp_path: Path
) -> None:
    files = {"tls_ca": tmp_path} if scheduler is None else {}
    with (
        pytest.raises(click.UsageError, match=problem),
        engines.asked_for(scheduler=scheduler, **files),
    ):
        pass
