"""The result of an analysis in Python: tables, files and notebook display; results on disk."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from models.results import Comparison, Evaluation, Plan
from models.results.base import JsonDocument
from models.spelling import unknown_name_hint
from optimizer.analyses.registry import ANALYSES
from optimizer.errors import Misuse, UnknownName
from vorrat.arguments import (
    FLAG,
    FOLDER,
    OUTPUT,
    PATH,
    TEXT,
    ArgumentKind,
    accept_instances,
    check_arguments,
    check_init_arguments,
    convert_texts,
)

if TYPE_CHECKING:
    import pandas as pd

    from optimizer.analyses.saved_plan import SavedPlan
    from optimizer.report.document import Document
    from optimizer.report.render.data_frames import DataFrames

R = TypeVar("R", bound=JsonDocument, covariant=True)
COLUMNS = ArgumentKind(convert_texts, "a list of columns such as ['material', 'year']")
STATES = ArgumentKind(convert_texts, "a list of names of states")
RESULT_KIND = ArgumentKind(accept_instances(JsonDocument), "the result of an analysis")


class Plans(dict[str, "Found[Plan]"]):
    """Mapping from name to plan. For a missing name it raises UnknownName, which suggests a similar
    name if there is one."""

    def __missing__(self, name: Any) -> Found[Plan]:
        exists_as_text = str(name) in self
        hint = unknown_name_hint(str(name), self) or "there are none here"
        if exists_as_text:
            hint = f"names are texts: write {str(name)!r}"
        raise UnknownName(f"there is no plan '{name}'; {hint}")


@check_init_arguments(result=RESULT_KIND, label=TEXT, complete=FLAG)
@dataclass(frozen=True, eq=False, repr=False)
class Found(Generic[R]):
    """Result of an analysis, with its tables, its plans and methods that write files.

    Notebooks display it as HTML. Texts are in the current language of :mod:`models.language`.
    """

    result: R
    """The result document, a model of :mod:`models.results`."""
    label: str
    """Short name: the id of the variant, or the name of the scenario file."""
    complete: bool = True
    """Whether everything is proven as requested, without an interruption or a limit."""
    failures: tuple[str, ...] = ()
    """Messages about parts that failed."""
    plans: Mapping[str, Found[Plan]] = field(default_factory=Plans)
    """Plans that belong to the result: by label for a comparison, by value for a frontier."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Path of the file of each plan, relative to the file of the result."""
    evaluated: Plan | None = None
    """The plan that an evaluation is about, if it is known."""

    def __repr__(self) -> str:
        head = f"<{type(self.result).__name__} of {self.label!r}: "
        if isinstance(self.result, Plan):
            return f"{head}{_describe_plan(self.result)}>"
        complete = "complete" if self.complete else "not complete"
        parts = [f"plans {len(self.plans)}"] if self.plans else []
        parts += [complete, *(textwrap.shorten(failure, 200) for failure in self.failures[:3])]
        return f"{head}{', '.join(parts)}>"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_saved_plan"}

    @check_arguments()
    def json(self) -> str:
        """Return the result as the JSON text that the command line writes."""
        return self.result.model_dump_json(indent=2) + "\n"

    @check_arguments(path=FOLDER, force=FLAG)
    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the result as JSON.

        Parameters
        ----------
        path
            A file name that ends in ``.json``, or a folder. In a folder the file has the name that
            the command line uses, and the plans are written next to it.
        force
            Whether existing files are overwritten.

        Returns
        -------
        Path
            The file that holds the result.

        Raises
        ------
        NotWritten
            If the file exists already or cannot be written. Nothing is changed in that case.
        """
        target, content = Path(path), self.json().encode()
        if target.suffix == ".json":
            return _write_file(target, content, force)
        analysis = next(
            candidate for candidate in ANALYSES if isinstance(self.result, candidate.result_class)
        )
        files = {self.places[name]: plan.json().encode() for name, plan in self.plans.items()}
        from optimizer.cli.output_files import publish

        publish(
            target,
            {**files, analysis.result_file: content},
            replace=analysis.extra_outputs,
            force=force,
        )
        return target / analysis.result_file

    @check_arguments(path=OUTPUT, force=FLAG)
    def report(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the result as a self-contained HTML page.

        Parameters
        ----------
        path
            The file to write.
        force
            Whether an existing file is overwritten.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        NotWritten
            If the file exists already or cannot be written.
        """
        from optimizer.report.render.html import render_page

        return _write_file(Path(path), render_page(self._report_document()).encode(), force)

    @check_arguments(path=OUTPUT, force=FLAG)
    def workbook(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the result as an Excel workbook with formulas and checks.

        Parameters
        ----------
        path
            The file to write.
        force
            Whether an existing file is overwritten.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        NotWritten
            If the file exists already or cannot be written.
        """
        from optimizer.report.render.workbook import render_workbook

        return _write_file(Path(path), render_workbook(self._report_document()), force)

    @property
    def tables(self) -> DataFrames:
        """Tables of the workbook as pandas data frames, by name.

        Cells hold numbers, not formatted text; column names state the units. ``attrs`` of a frame
        holds its caption and note. ``tables.long(name)`` is a table with one row for each figure,
        and with its year and its unit as columns. The tables are built on each access.
        """
        from optimizer.report.render.data_frames import DataFrames

        return DataFrames(self._report_document())

    @check_arguments(by=COLUMNS, states=STATES, without_plan=FLAG)
    def by_state(
        self,
        by: Sequence[str] | str | None = None,
        *,
        states: Sequence[str] | str | None = None,
        without_plan: bool = False,
    ) -> pd.DataFrame:
        """Return shortage, damage and use of stocks of a plan in every state, as a long frame.

        The states are those that the plan was made for, or the fresh states of an evaluation. Of a
        plan over assumption sets they are those of the set whose figures the plan reports.

        Parameters
        ----------
        by
            Columns that identify a row: some of ``state``, ``material``, ``consumer``, ``year``
            and ``period``; all of them if None. Figures are summed over the others. Without
            ``state`` they are expected values.
        states
            Names of states; all if None. Others contribute nothing to expected values.
        without_plan
            Whether nothing is built or bought.

        Returns
        -------
        pandas.DataFrame
            ``demand_t``, ``shortage_t`` and ``released_t`` in tonnes, ``damage`` in the unit of the
            measure, and ``probability`` of the state. ``period`` is the number of the period in its
            year, from 1. Where allocation is pooled, a stockpile serves no single consumer:
            ``released_t`` then has rows with an empty ``consumer``. ``to_xarray()`` of the frame
            returns a dataset, if xarray is installed.

        Raises
        ------
        Misuse
            If this is no plan and no evaluation of one, or there is no such column or state.

        Examples
        --------
        >>> import vorrat
        >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"))
        >>> plan.by_state(["year"])[["year", "shortage_t", "damage", "released_t"]].round(3)
           year  shortage_t  damage  released_t
        0  2026         0.0     0.0         0.0
        1  2027         6.0     6.0         3.0
        2  2028         3.0     6.0         0.0
        """
        return self._long_table("by_state", by, states, without_plan)

    @check_arguments(by=COLUMNS, states=STATES, without_plan=FLAG)
    def flows(
        self,
        by: Sequence[str] | str | None = None,
        *,
        states: Sequence[str] | str | None = None,
        without_plan: bool = False,
    ) -> pd.DataFrame:
        """Return what flows from each source of a material to each destination, as a long frame.

        Sources are countries of the market, projects, conversions and stockpiles; destinations are
        consumers, conversions and projects that take the material in, and ``unused``. Sources of a
        material are mixed: each destination receives the same mix. Shortages are those of
        :meth:`by_state`. If several flows lead to them, one with least release is given.

        Parameters
        ----------
        by
            As for :meth:`by_state`; further columns are ``source_kind``, ``source``,
            ``destination_kind`` and ``destination``.
        states, without_plan
            As for :meth:`by_state`.

        Returns
        -------
        pandas.DataFrame
            ``tonnes`` that flow, and ``probability`` of the state. Rows without a flow are left
            out.

        Raises
        ------
        Misuse
            As for :meth:`by_state`.
        """
        return self._long_table("flows", by, states, without_plan)

    @check_arguments(states=STATES, without_plan=FLAG)
    def values(
        self, *, states: Sequence[str] | str | None = None, without_plan: bool = False
    ) -> pd.DataFrame:
        """Return the multipliers of all constraints of the second stage, as a long frame.

        Parameters
        ----------
        states, without_plan
            As for :meth:`by_state`.

        Returns
        -------
        pandas.DataFrame
            ``value`` is the damage in the state that one more tonne on the right-hand side of the
            constraint avoids: a tonne of supply (``demand_balance``), of stock, of capacity, or of
            a limit. It is in the unit of the measure per tonne, and is not weighted. ``weight`` is
            the weight of damage in this state in the objective: (1-λ) · probability, and λ times
            its part in the tail. ``in_objective`` is the product, the multiplier of the extensive
            form. ``rule`` and ``tag`` are those of ``docs/formulation.md``; ``of`` is the
            stockpile, plant or damage step. Rows with value 0 are left out. If several dual
            solutions are optimal, one of them is given.

        Raises
        ------
        Misuse
            As for :meth:`by_state`.
        """
        return self._long_table("values", None, states, without_plan)

    def _long_table(self, name: Any, by: Any, states: Any, without_plan: bool) -> pd.DataFrame:
        from optimizer.analyses.second_stage import evaluated_states, long_table

        evaluation = self.result if isinstance(self.result, Evaluation) else None
        if self._saved_plan is None:
            text = (
                f"{name} needs a plan, or an evaluation with the plan that it "
                f"is about, not {type(self.result).__name__}"
            )
            raise Misuse(text)
        evaluated = evaluated_states(self._saved_plan, without_plan, evaluation)
        return long_table(name, evaluated, by, states, self._saved_plan.plan.outcome.unit)

    @cached_property
    def _saved_plan(self) -> SavedPlan | None:
        """The plan with its problem and recourse; None if no plan is known."""
        from optimizer.analyses.saved_plan import load_saved_plan

        is_evaluation = isinstance(self.result, Evaluation)
        plan = self.evaluated if is_evaluation else self.result
        return load_saved_plan(plan) if isinstance(plan, Plan) else None

    def _repr_html_(self) -> str:
        from optimizer.report.render.html import render_fragment

        return render_fragment(self._report_document())

    def _report_document(self) -> Document:
        from optimizer.analyses.registry import build_result_document

        extra_inputs: dict[str, Any] = {}
        if isinstance(self.result, Comparison):
            extra_inputs["plans"] = {label: plan.result for label, plan in self.plans.items()}
        return build_result_document(self.result, **extra_inputs)


def _describe_plan(plan: Plan) -> str:
    """Return status, objective, damage, money and decisions of a plan as lines of text."""
    outcome, certificate = plan.outcome, plan.certificate
    public_funders = [funder.id for funder in plan.funders if funder.kind == "public"]
    public_money = math.fsum(
        amount for f in public_funders for amount in plan.spend_meur.get(f, {}).values()
    )
    stocks = {x.name: math.fsum(x.buy_t.values()) for x in plan.stockpiles}
    bought = [f"{name} {tonnes:.6g} t" for name, tonnes in stocks.items() if tonnes > 0]
    more = f", {len(bought) - 4} more" if len(bought) > 4 else ""
    lines = [
        f"{certificate.status}, objective {certificate.objective:.6g}, {gap_text(certificate.gap)}",
        f"expected {outcome.measure} {outcome.expected:.6g} {outcome.unit}, "
        f"without a plan {outcome.without_plan.expected:.6g}",
        f"net cost {outcome.net_cost_meur:.6g} million {plan.currency}, "
        f"public money {public_money:.6g} million {plan.currency}",
        projects_text([project.id for project in plan.projects]),
        f"buys {', '.join(bought[:4])}{more}" if bought else "",
    ]
    return "\n ".join(filter(None, lines))


def gap_text(gap: float | None) -> str:
    """Return a plan's gap as text for its ``repr``."""
    return "no bound" if gap is None else f"gap {gap:.2g}"


def projects_text(projects: Sequence[str]) -> str:
    """Return a plan's projects as text for its ``repr``. A long list is shortened."""
    remainder = [f"{len(projects) - 4} more"] if len(projects) > 5 else []
    return f"builds {', '.join([*projects[: 4 if remainder else 5], *remainder]) or 'nothing'}"


def _write_file(path: Path, content: bytes, force: bool) -> Path:
    from optimizer.cli.output_files import publish

    publish(path.parent, {path.name: content}, force=force)
    return path


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
