"""What an analysis has found: its result, and the forms in which it can be had."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from models.language import mark_translatable, tr
from models.results import Comparison, Plan
from models.results.base import SealedDocument
from models.spelling import unknown_name_hint
from optimizer.analyses.registry import ANALYSES
from optimizer.errors import UnknownName
from vorrat.arguments import (
    FLAG,
    FOLDER,
    OUTPUT,
    TEXT,
    ArgumentKind,
    accept_instances,
    check_arguments,
    check_init_arguments,
)

if TYPE_CHECKING:
    import pandas as pd

    from optimizer.report.document import Document as Told

R = TypeVar("R", bound=SealedDocument, covariant=True)
RESULT_KIND = ArgumentKind(
    accept_instances(SealedDocument), mark_translatable("the result of an analysis")
)


class Plans(dict[str, "Found[Plan]"]):
    """Plans by name, which say what there is in place of one that is not."""

    def __missing__(self, name: Any) -> Found[Plan]:
        known = str(name) in self
        hint = unknown_name_hint(str(name), self) or tr("there are none here")
        if known:
            hint = tr("names are texts: write {value}", value=repr(str(name)))
        raise UnknownName(tr("there is no plan '{name}'; {hint}", name=name, hint=hint))


@check_init_arguments(result=RESULT_KIND, label=TEXT, complete=FLAG)
@dataclass(frozen=True, eq=False, repr=False)
class Found(Generic[R]):
    """A result, its tables as pandas frames, and its files; a notebook shows its answer.

    Texts are in the language that :mod:`models.language` was told.
    """

    result: R
    """The result, as :mod:`models.results` describes it."""
    label: str
    """The id of the variant, or the name of the file that it was made from."""
    complete: bool = True
    """Whether all is proven as asked; no limit or user stopped a part of it."""
    failures: tuple[str, ...] = ()
    """What went wrong on the way, in sentences."""
    plans: Mapping[str, Found[Plan]] = field(default_factory=Plans)
    """Plans that go with the result: of a comparison by label, of a frontier by value."""
    places: Mapping[str, str] = field(default_factory=dict)
    """The file of each of them beside that of the result."""

    def __repr__(self) -> str:
        said = [f"plans {len(self.plans)}"] if self.plans else []
        if isinstance(self.result, Plan):
            outcome, own = self.result.outcome, self.result
            said = [
                f"expected {outcome.measure} {outcome.expected:.6g} {outcome.unit}",
                f"net cost {outcome.net_cost_meur:.6g} million {own.currency}",
                projects_text([project.id for project in own.projects]),
                gap_text(own.certificate.gap),
            ]
        said.append("complete" if self.complete else "not complete")
        said += [textwrap.shorten(failure, 200) for failure in self.failures[:3]]
        return f"<{type(self.result).__name__} of {self.label!r}: {', '.join(said)}>"

    @check_arguments()
    def json(self) -> str:
        """The result as the command line writes it, sealed."""
        return self.result.model_dump_json(indent=2) + "\n"

    @check_arguments(path=FOLDER, force=FLAG)
    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the result as JSON.

        Parameters
        ----------
        path
            A file whose name ends in ``.json``, or a folder, in which the file has the name that
            the command line gives it, and plans lie beside it.
        force
            Whether what is there is overwritten.

        Returns
        -------
        Path
            The file of the result.

        Raises
        ------
        NotWritten
            If it is there already, or cannot be written; nothing has changed then.
        """
        at, own = Path(path), self.json().encode()
        if at.suffix == ".json":
            return _write_file(at, own, force)
        analysis = next(one for one in ANALYSES if isinstance(self.result, one.result_class))
        files = {self.places[name]: plan.json().encode() for name, plan in self.plans.items()}
        from optimizer.cli.output_files import publish

        publish(
            at, {**files, analysis.result_file: own}, replace=analysis.extra_outputs, force=force
        )
        return at / analysis.result_file

    @check_arguments(path=OUTPUT, force=FLAG)
    def report(self, path: str | Path, *, force: bool = False) -> Path:
        """Write one HTML page to be read, printed and sent on; the file, as :meth:`save`."""
        from optimizer.report.render.html import render_page

        return _write_file(Path(path), render_page(self._report_document()).encode(), force)

    @check_arguments(path=OUTPUT, force=FLAG)
    def workbook(self, path: str | Path, *, force: bool = False) -> Path:
        """Write an Excel workbook with live formulas and checks; the file, as :meth:`save`."""
        from optimizer.report.render.workbook import render_workbook

        return _write_file(Path(path), render_workbook(self._report_document()), force)

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The tables of the workbook by name: figures and not texts, units in names of columns.

        ``attrs`` of each hold its caption and its note. Made anew each time it is asked for.
        """
        from optimizer.report.render.data_frames import DataFrames

        return DataFrames(self._report_document())

    def _repr_html_(self) -> str:
        from optimizer.report.render.html import render_fragment

        return render_fragment(self._report_document())

    def _report_document(self) -> Told:
        from optimizer.analyses.document_dispatch import build_result_document

        beside: dict[str, Any] = {}
        if isinstance(self.result, Comparison):
            beside["plans"] = {label: plan.result for label, plan in self.plans.items()}
        return build_result_document(self.result, **beside)


def gap_text(gap: float | None) -> str:
    """The gap of a plan, for a short representation."""
    return "no bound" if gap is None else f"gap {gap:.2g}"


def projects_text(projects: Sequence[str]) -> str:
    """The projects of a plan, of many the first, for a short representation."""
    more = [f"{len(projects) - 4} more"] if len(projects) > 5 else []
    return f"builds {', '.join([*projects[: 4 if more else 5], *more]) or 'nothing'}"


def _write_file(path: Path, content: bytes, force: bool) -> Path:
    from optimizer.cli.output_files import publish

    publish(path.parent, {path.name: content}, force=force)
    return path
