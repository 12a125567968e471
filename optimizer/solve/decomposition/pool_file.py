"""Files of cut pools."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from models.files.archive import ArchiveLimits, check_archive
from models.files.result_json import parse_json
from optimizer.errors import InvalidCutPool
from optimizer.solve.decomposition.cut_pool import CutPool, PortablePoint
from optimizer.solve.decomposition.cuts import Cut
from optimizer.solve.recourse import Subgradient

POOL_FORMAT = 3  # version of the file format


MAX_POOL_BYTES = 1_000_000_000


ARCHIVE_BOUNDS = ArchiveLimits(max_parts=2, max_unpacked=2 * MAX_POOL_BYTES, max_ratio=1000)


def write_pool(pool: CutPool) -> bytes:
    """Return the content of a file that stores a pool."""
    parts: list[np.ndarray[Any, Any]] = []
    cuts = []
    for cut in pool.cuts:
        node_shapes = []
        for v, subgradient in cut.subgradients.items():
            node_shapes.append(
                [v, list(subgradient.output_value.shape), list(subgradient.purchase_value.shape)]
            )
            parts += [
                subgradient.constant,
                subgradient.output_value.ravel(),
                subgradient.purchase_value.ravel(),
            ]
        cuts.append([cut.is_tail, node_shapes])
    points = [
        [[[*key, x] for key, x in values.items()] for values in (point.offtake, point.buy_t)]
        for point in pool.portable_points
    ]
    header = {
        "format": POOL_FORMAT,
        "key": pool.key,
        "keeps": pool.retention_by_stockpile,
        "recourse": pool.recourse_hash,
        "level": pool.cvar_level,
        "plans": pool.start_plans,
        "cuts": cuts,
        "trials": points,
    }
    content = io.BytesIO()
    np.savez_compressed(
        content,
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        numbers=np.concatenate(parts) if parts else np.zeros(0),
    )
    return content.getvalue()


def read_pool(content: bytes, name: str) -> CutPool:
    """Read a pool from the content of a file.

    Raise InvalidCutPool if the file is damaged or has another format.
    """
    try:
        # Numpy allocates the size that a header states, whatever the data.
        check_archive(content, ARCHIVE_BOUNDS)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            header = parse_json(_read_flat_array(archive.read("header.npy"), np.uint8).tobytes())
            numbers = _read_flat_array(archive.read("numbers.npy"), np.float64)
        if header["format"] != POOL_FORMAT:
            raise InvalidCutPool(
                "'{file}' is a pool of cuts of format {format}, not {known}".format(
                    file=name, format=header["format"], known=POOL_FORMAT
                )
            )
        return _build_pool(header, numbers)
    except InvalidCutPool:
        raise
    except Exception as error:  # a damaged file can fail in zip, numpy, JSON or here
        raise InvalidCutPool(f"'{name}' is not a pool of cuts, or damaged; remove it") from error


def _read_flat_array(content: bytes, dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """Read a one-dimensional NPY array. No more memory is allocated than the content requires."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    shape, _, stated_dtype = np.lib.format.read_array_header_1_0(file)
    if version != (1, 0) or stated_dtype != np.dtype(dtype) or len(shape) != 1:
        raise ValueError("array")
    array = np.frombuffer(content, dtype, offset=file.tell())
    if array.shape != shape:
        raise ValueError("length")
    return array


def _build_pool(header: dict[str, Any], numbers: np.ndarray[Any, Any]) -> CutPool:
    offset = 0

    def take(shape: list[int]) -> np.ndarray[Any, Any]:
        nonlocal offset
        size = int(np.prod(shape))
        part = numbers[offset : offset + size].reshape(shape)
        offset += size
        return part

    if numbers.dtype != np.float64 or not np.isfinite(numbers).all():
        raise ValueError("numbers")
    cuts = []
    for is_tail, node_shapes in header["cuts"]:
        subgradients = {
            int(v): Subgradient(take([1]), take(output_shape), take(purchase_shape))
            for v, output_shape, purchase_shape in node_shapes
        }
        cuts.append(Cut(subgradients, is_tail=bool(is_tail)))
    points = [
        PortablePoint(
            {(p, int(start), g): float(x) for p, start, g, x in offtake},
            {(h, int(year)): float(x) for h, year, x in buy},
        )
        for offtake, buy in header["trials"]
    ]
    if offset != len(numbers):
        raise ValueError("length")
    return CutPool(
        key=str(header["key"]),
        retention_by_stockpile={str(h): float(x) for h, x in header["keeps"].items()},
        recourse_hash=str(header["recourse"]),
        cvar_level=float(header["level"]),
        cuts=cuts,
        portable_points=points,
        start_plans=[{str(p): int(year) for p, year in plan.items()} for plan in header["plans"]],
    )
