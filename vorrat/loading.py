"""Results that the command line or :meth:`Found.save` wrote."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from models.results import Plan
from models.results.base import JsonDocument
from vorrat.analysis_result import Found, Plans
from vorrat.arguments import PATH, ArgumentKind, check_arguments

RESULT = ArgumentKind(PATH.convert, "the path of a result, such as 'plan.json', or its folder")


class StoredPlans(Mapping[str, Found[Plan]]):
    """Plans as files or as the content of files, each read when it is asked for."""

    def __init__(self, files: Mapping[str, Path | bytes]) -> None:
        self._files = files
        self._read_plans: dict[str, Found[Plan]] = {}

    def __getitem__(self, name: str) -> Found[Plan]:
        if name not in self._files:
            return Plans(dict.fromkeys(self._files, cast(Any, None)))[name]
        if name not in self._read_plans:
            from optimizer.cli.saved_results import read_stored_plan

            source = self._files[name]
            plan = (
                Plan.model_validate_json(source)
                if isinstance(source, bytes)
                else read_stored_plan(source)
            )
            self._read_plans[name] = Found(plan, name, plan.certificate.status == "optimal")
        return self._read_plans[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"<plans {', '.join(self)}>"


@check_arguments(path=RESULT)
def load(path: str | Path) -> Found[Any]:
    """Read any result that the command line or :meth:`Found.save` wrote.

    Parameters
    ----------
    path
        A result such as ``plan.json`` or ``frontier.json``, or the folder that contains it.

    Returns
    -------
    Found
        The result, as the function that computes it returns it, with the plans that were written
        with it. Doubts about the file, such as a figure that was changed, are Python warnings.

    Raises
    ------
    Misuse
        If the file or folder contains no result of this version.

    Examples
    --------
    >>> import tempfile, vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = vorrat.load(plan.save(folder))
    >>> again.result == plan.result
    True
    """
    from optimizer.cli.saved_results import read_stored_result

    stored = read_stored_result(str(path))
    if stored.warning:
        warnings.warn(stored.warning, stacklevel=3)
    files = stored.plan_files
    folder = stored.path.parent
    return Found(
        cast(JsonDocument, stored.result),
        stored.label,
        stored.is_complete,
        plans=StoredPlans(files),
        places={name: file.relative_to(folder).as_posix() for name, file in files.items()},
        evaluated=stored.evaluated_plan,
    )
