"""Cuts that one run leaves for the next: ``--reuse``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.faults import Place
from models.files.decoding import read_bytes
from models.scenario.case import Case
from optimizer.cli import disk
from optimizer.cli.usage import misused

if TYPE_CHECKING:
    from optimizer.solve.decomposition import CutPool

BESIDE = "beside the results"
"""What --reuse stands for without a folder."""


def kept_in(reuse: Path | None, out: Path | None, method: str = "auto") -> Path | None:
    """The folder of the pool of cuts, if one is asked for."""
    if reuse is None:
        return None
    if method == "extensive":
        raise misused("--reuse goes with the decomposition, not with --method extensive.")
    if reuse.is_file():
        raise misused("--reuse takes a folder, and '{path}' is a file: put FILE first.", path=reuse)
    if str(reuse) == BESIDE and out is None:
        raise misused("--reuse keeps cuts beside the results: name a folder, or --out.")
    return out if str(reuse) == BESIDE else reuse


@dataclass(frozen=True, eq=False)
class Kept:
    """The pool of cuts that suits a scenario, its key, and the file that it is kept in."""

    path: Path
    key: str
    pool: CutPool

    def write(self) -> None:
        """Leave it for the next run."""
        from optimizer.solve.decomposition import write_pool

        disk.leave_all([(self.path, write_pool(self.pool))], force=True)


def read_kept(folder: Path, case: Case) -> Kept:
    """The pool that suits a case, empty if there is none yet."""
    from optimizer.model.instance import read_instance
    from optimizer.solve.decomposition import CutPool, pool_key, read_pool
    from optimizer.solve.decomposition.storing import MAX_BYTES as MAX_POOL

    disk.make_folder(folder)
    key = pool_key(read_instance(case))
    path = folder / f"cuts-{key[:16]}.npz"
    if not path.exists():
        return Kept(path, key, CutPool())
    # Larger ones than are written here are refused, before memory is.
    raw = read_bytes(path, Place(str(path)), MAX_POOL, "cuts")
    return Kept(path, key, read_pool(raw, str(path)))
