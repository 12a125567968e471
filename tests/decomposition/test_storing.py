"""A pool as a file: what is read is what was written, and nothing else passes for a pool."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from cut_pool_cases import base, certified, lent, made, optimum

from optimizer.errors import InvalidCutPool
from optimizer.solve.decomposition import CutPool, read_pool, write_pool


@cache
def pool() -> CutPool:
    return made(base())


@cache
def content() -> bytes:
    return write_pool(pool())


def parts() -> tuple[dict[str, Any], np.ndarray]:
    """Header and numbers of the file."""
    with np.load(io.BytesIO(content())) as arrays:
        return json.loads(arrays["header"].tobytes()), arrays["numbers"]


def file_of(header: Any, numbers: np.ndarray, **more: np.ndarray) -> bytes:
    written = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(written, header=text, numbers=numbers, **more)
    return written.getvalue()


def test_what_is_read_is_what_was_written() -> None:
    found = read_pool(content(), "cuts.npz")
    for name in ("key", "retention_by_stockpile", "recourse_hash", "cvar_level"):
        assert getattr(found, name) == getattr(pool(), name)
    assert [vars(trial) for trial in found.portable_points] == [
        vars(trial) for trial in pool().portable_points
    ]
    assert len(found.cuts) == len(pool().cuts) > 5
    for own, other in zip(found.cuts, pool().cuts, strict=True):
        assert own.is_tail == other.is_tail
        assert list(own.subgradients) == list(other.subgradients)
        for v, slopes in own.subgradients.items():
            for name in ("constant", "output_value", "purchase_value"):
                read, written = getattr(slopes, name), getattr(other.subgradients[v], name)
                assert read.shape == written.shape
                assert (read == written).all()
    assert write_pool(found) == content()


def test_an_empty_pool_can_be_kept() -> None:
    assert vars(read_pool(write_pool(CutPool()), "cuts.npz")) == vars(CutPool())


def test_a_pool_from_a_file_is_lent_as_it_stands() -> None:
    found = read_pool(content(), "cuts.npz")
    answer, _, cuts = lent(found, base())
    assert answer == "as it stands"
    assert len(cuts) == len(pool().cuts)
    best = optimum(base())
    reusing = certified(base(), found)
    assert reusing.objective == pytest.approx(best, rel=3e-6)
    assert reusing.work["sweeps"] < certified(base()).work["sweeps"]


def test_a_pool_from_a_file_is_made_again() -> None:
    """Its cuts no longer have points, but the pool has them."""
    raw = base()
    raw["demand"][0]["t_per_year"] = 92
    answer, _, cuts = lent(read_pool(content(), "cuts.npz"), raw)
    assert answer == "rebuilt"
    assert cuts


def foreign() -> bytes:
    written = io.BytesIO()
    np.savez(written, prices=np.ones(3))
    return written.getvalue()


def altered(**changes: Any) -> bytes:
    header, numbers = parts()
    return file_of(header | changes, numbers)


DAMAGED = {
    "empty": lambda: b"",
    "text": lambda: b"schema_version: 1\n",
    "truncated": lambda: content()[:-30],
    "cut in half": lambda: content()[: len(content()) // 2],
    "a byte changed": lambda: content()[:400] + b"\xff\x00\xff" + content()[403:],
    "another archive": foreign,
    "another header": lambda: file_of(["no", "pool"], parts()[1]),
    "numbers missing": lambda: file_of(parts()[0], parts()[1][:-1]),
    "numbers too many": lambda: file_of(parts()[0], np.append(parts()[1], 1.0)),
    "not a number": lambda: file_of(parts()[0], np.append(parts()[1][:-1], np.nan)),
    "whole numbers": lambda: file_of(parts()[0], parts()[1].astype(np.int64)),
    "a pickle": lambda: file_of(parts()[0], np.array([None, {}], dtype=object)),
    "a later format": lambda: altered(format=99),
    "no cuts": lambda: altered(cuts=None),
    "a negative shape": lambda: altered(cuts=[[False, [[0, [1, -1, 1, 1], [1, 1, 1]]]]]),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_nothing_else_passes_for_a_pool(damage: str) -> None:
    with pytest.raises(InvalidCutPool, match=r"'cuts-1\.npz'") as refusal:
        read_pool(DAMAGED[damage](), "cuts-1.npz")
    assert refusal.value.exit_code == 2


def test_a_later_format_is_reported() -> None:
    with pytest.raises(InvalidCutPool, match="format 99"):
        read_pool(altered(format=99), "cuts-1.npz")
