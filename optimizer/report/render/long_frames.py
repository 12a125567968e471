"""Long tables as pandas frames, xarray datasets and files."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from models.language import tr
from optimizer.errors import Misuse

MAX_CELLS = 50_000_000
"""Largest number of cells of a dataset, which is dense."""
HIDDEN = "position"
"""Column by which rows are sorted, and which is then dropped."""


class LongFrame(pd.DataFrame):
    """A frame with a row for each combination of its keys, which ``attrs["keys"]`` names."""

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame  # what is derived from it need not be long

    def to_xarray(self) -> Any:  # type: ignore[misc]  # declared final by the stubs only
        """Return the figures as an xarray dataset whose dimensions are the keys.

        Raise Misuse without xarray, or if the dataset would be too large.
        """
        if find_spec("xarray") is None:
            raise Misuse(tr("to_xarray needs xarray, which is not installed: pip install xarray"))
        keys = list(self.attrs["keys"])
        frame = pd.DataFrame(self)
        if math.prod(frame[key].nunique() for key in keys) > MAX_CELLS:
            raise Misuse(
                tr("the dataset would have too many cells; name fewer columns, such as {example}",
                   example=f"by={keys[:2]}")
            )  # fmt: skip
        dataset = frame.set_index(keys).to_xarray()
        if "probability" in dataset:
            probability = frame.drop_duplicates("state").set_index("state")["probability"]
            dataset = dataset.drop_vars("probability").assign_coords(
                probability=("state", probability.loc[dataset["state"].values].to_numpy())
            )
        dataset.attrs |= {name: value for name, value in self.attrs.items() if name != "keys"}
        return dataset


def join_rows(
    blocks: Sequence[Mapping[str, Any]], keys: Sequence[str], attributes: Mapping[str, Any]
) -> LongFrame:
    """Return a frame of blocks of columns, each an array or a value that is equal in all rows.

    Rows with equal ``keys`` are added up. Rows are in the order of the states.
    """
    with_state = "state" in keys
    leading = [*keys[:1], "probability", *keys[1:]] if with_state else [*keys]
    figures = dict.fromkeys(
        name for block in blocks for name in block if name not in (*leading, HIDDEN)
    )
    names = [*leading, *figures, *([HIDDEN] if with_state else [])]
    sizes = [
        max((len(x) for x in block.values() if isinstance(x, np.ndarray)), default=1)
        for block in blocks
    ]
    columns = {}
    for name in names:
        parts = [
            value if isinstance(value := block[name], np.ndarray) else np.full(size, value, object)
            for block, size in zip(blocks, sizes, strict=True)
        ]
        columns[name] = np.concatenate(parts) if parts else np.zeros(0)
    frame = pd.DataFrame(columns)
    groups = [*leading, *([HIDDEN] if with_state else [])]
    if not keys:
        frame = frame.sum().to_frame().T
    elif frame.duplicated([HIDDEN if key == "state" else key for key in keys]).any():
        frame = frame.groupby(groups, sort=False, as_index=False).sum()
    if with_state:
        frame = frame.sort_values(HIDDEN, kind="stable").drop(columns=HIDDEN)
    result = LongFrame(frame.reset_index(drop=True))
    result.attrs |= {**attributes, "keys": tuple(keys)}
    return result


def render_frame(frame: pd.DataFrame, suffix: str) -> bytes:
    """Return a frame as the content of a file: Parquet for ``.parquet``, else CSV.

    Raise Misuse without pyarrow.
    """
    if suffix != ".parquet":
        return frame.to_csv(index=False, lineterminator="\n").encode()
    if find_spec("pyarrow") is None:
        raise Misuse(
            tr(
                "Parquet files need pyarrow, which is not installed: pip install {package}",
                package="'vorrat[data]'",
            )
        )
    stream = io.BytesIO()
    pd.DataFrame(frame).to_parquet(stream, index=False)
    return stream.getvalue()
