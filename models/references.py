"""What the parts of a scenario say of each other: every cross-reference, checked together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from models.faults import Fault

if TYPE_CHECKING:
    from models.case import Case


def check(case: Case, unreadable: Mapping[str, frozenset[str]] | None = None) -> Iterator[Fault]:
    """Placeholder"""
    return iter(())
