"""A pool of cuts as a file: arrays, and a header that tells what they are."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from models.files.archive import Bounds, check
from models.files.json_document import parse_json
from models.language import tr
from optimizer.errors import PoolRefused
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.decomposition.pool import CutPool, Trial
from optimizer.solve.sweep import Slopes

FORMAT = 2
MAX_BYTES = 1_000_000_000
BOUNDS = Bounds(parts=2, unpacked=2 * MAX_BYTES, ratio=1000)


def write_pool(pool: CutPool) -> bytes:
    """A pool as the content of a file."""
    parts: list[np.ndarray[Any, Any]] = []
    cuts = []
    for cut in pool.cuts:
        nodes = []
        for v, slopes in cut.slopes.items():
            nodes.append([v, list(slopes.output.shape), list(slopes.purchases.shape)])
            parts += [slopes.constant, slopes.output.ravel(), slopes.purchases.ravel()]
        cuts.append([cut.tail, cut.group, nodes])
    header = {
        "format": FORMAT,
        "key": pool.key,
        "keeps": pool.keeps,
        "recourse": pool.recourse,
        "level": pool.level,
        "plans": pool.plans,
        "cuts": cuts,
        "trials": [
            [
                [[*key, share] for key, share in trial.offtake.items()],
                [[*key, tonnes] for key, tonnes in trial.buy_t.items()],
            ]
            for trial in pool.trials
        ],
    }
    content = io.BytesIO()
    np.savez_compressed(
        content,
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        numbers=np.concatenate(parts) if parts else np.zeros(0),
    )
    return content.getvalue()


def read_pool(content: bytes, name: str) -> CutPool:
    """The pool in the content of a file.

    Raises
    ------
    PoolRefused
        If it is not one, or one of another format.
    """
    try:
        check(content, BOUNDS)  # numpy makes room for what an array states, not for what it holds
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            header = parse_json(_array(packed.read("header.npy"), np.uint8).tobytes())
            numbers = _array(packed.read("numbers.npy"), np.float64)
        if header["format"] != FORMAT:
            raise PoolRefused(
                tr(
                    "'{file}' is a pool of cuts of format {format}, not {known}",
                    file=name,
                    format=header["format"],
                    known=FORMAT,
                )
            )
        return _pool(header, numbers)
    except PoolRefused:
        raise
    except Exception as error:  # a damaged file can fail in any of zip, numpy, JSON and here
        raise PoolRefused(
            tr("'{file}' is not a pool of cuts, or damaged; remove it", file=name)
        ) from error


def _array(content: bytes, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """A flat array in the format NPY, made of the bytes that are there and of nothing else."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    shape, _, stated = np.lib.format.read_array_header_1_0(file)
    if version != (1, 0) or stated != np.dtype(dtype) or len(shape) != 1:
        raise ValueError("array")
    array = np.frombuffer(content, dtype, offset=file.tell())
    if array.shape != shape:
        raise ValueError("length")
    return array


def _pool(header: dict[str, Any], numbers: np.ndarray[Any, Any]) -> CutPool:
    at = 0

    def take(shape: list[int]) -> np.ndarray[Any, Any]:
        nonlocal at
        size = int(np.prod(shape))
        part = numbers[at : at + size].reshape(shape)
        at += size
        return part

    if numbers.dtype != np.float64 or not np.isfinite(numbers).all():
        raise ValueError("numbers")
    cuts = []
    for tail, group, nodes in header["cuts"]:
        slopes = {
            int(v): Slopes(take([1]), take(output), take(purchases))
            for v, output, purchases in nodes
        }
        cuts.append(Cut(slopes, int(group), tail=bool(tail)))
    trials = [
        Trial(
            {(p, int(start), g): float(x) for p, start, g, x in offtake},
            {(h, int(year)): float(x) for h, year, x in buy},
        )
        for offtake, buy in header["trials"]
    ]
    if at != len(numbers):
        raise ValueError("length")
    return CutPool(
        key=str(header["key"]),
        keeps={str(h): float(x) for h, x in header["keeps"].items()},
        recourse=str(header["recourse"]),
        level=float(header["level"]),
        cuts=cuts,
        trials=trials,
        plans=[{str(p): int(year) for p, year in plan.items()} for plan in header["plans"]],
    )
