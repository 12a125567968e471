"""The options as single funders see them: companies, and public funders that are not federal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.language import tr
from models.results.comparison import OwnView
from models.results.option import Option, Sums
from optimizer.analyses.comparison.figures import DAMAGE, MONEY, Figure, across
from optimizer.analyses.comparison.funders import approvals
from optimizer.analyses.comparison.tables import of_years
from optimizer.analyses.comparison.words import Side
from optimizer.report.document import DETAIL, Form, Section, Table
from optimizer.report.wording import CLASSES, class_name


def sections(side: Side) -> Iterator[Section]:
    """A section for all companies, and one for all public funders that are not federal."""
    views = list(enumerate(side.found.own_views, start=1))
    for kind, make, id, title, tab in (
        ("company", company, "companies", tr("What the options mean for each company"),
         tr("Companies")),
        ("public", public, "other-public",
         tr("What the options mean for public funders other than the federal state"),
         tr("Not federal")),
    ):  # fmt: skip
        some = [(place, view) for place, view in views if view.kind == kind]
        tables = [table for place, view in some for table in make(side, view, place)]
        if tables:
            own = next((view for _, view in some if view.consumers), some[0][1])
            yield Section(id, title, noted(side, tables, own), DETAIL, tab=tab)


def noted(side: Side, tables: Sequence[Table], view: OwnView) -> list[Table]:
    """Tables with what has to be known of all of them, for a funder like this, below the last."""
    note = tr("Outlay is not discounted; of a guarantee it is the loan that it covers.")
    if view.consumers:
        note = tr(
            "Outlay is not discounted. Contracted are tonnes of a year at full output, "
            "undisturbed, for the company's own consumers alone. Equally good plans may contract "
            "the same output to other companies: the sum is what an option decides."
        )
    return [*tables[:-1], replace(tables[-1], note=side.noted(note))]


def money(view: OwnView) -> list[Figure]:
    """What the funder pays, and what of that is its cost."""

    def pays(path: str) -> Any:
        return lambda option: getattr(option.cost.by_funder.get(view.funder), path, 0.0)

    return [
        Figure("outlay", tr("Outlay"), "money", pays("paid_meur"), MONEY),
        Figure("net", tr("Net cost, present value"), "money", pays("cost_meur"), MONEY),
    ]


def left(side: Side, view: OwnView) -> Figure:
    """What its consumers are expected to lose; of one without consumers no option has it."""

    def of(path: str) -> Any:
        return lambda option: getattr(view.options.get(option.label), path, None)

    name = tr("Expected {noun} of its consumers, {unit}", noun=side.counted, unit=side.unit)
    return Figure("left", name, "outcome", of("expected"), DAMAGE, none=of("expected_without_plan"))


def over(side: Side, figure: Figure, name: str) -> Figure:
    """How much more a figure is than with industry alone; known of no option where that is not."""
    alone = side.found.industry_alone
    least = None if alone is None else figure.of(side, side.option(alone))

    def more(option: Option) -> float | None:
        own = figure.of(side, option)
        return None if own is None or least is None else own - least

    form: Form = "signed_outcome" if figure.form == "outcome" else "signed"
    return Figure(f"over_{figure.key}", name, form, more, figure.needs)


def over_alone(side: Side, figure: Figure) -> list[Figure]:
    """The row below that of a figure that compares it with industry alone, where that is there."""
    if side.found.industry_alone is None:
        return []
    alone = side.called(side.found.industry_alone)
    return [over(side, figure, tr("The same, compared with “{option}”", option=alone))]


def called(side: Side, view: OwnView) -> str:
    """The name of a funder, with those of its consumers."""
    name, consumers = side.name("funders", view.funder), side.names("consumers", view.consumers)
    return f"{name} ({consumers})" if consumers not in ("", name) else name


def _headed(side: Side, view: OwnView, text: str) -> str:
    return f"{called(side, view)}: {text}"


def company(side: Side, view: OwnView, place: int, more: Sequence[Figure] = ()) -> Iterator[Table]:
    """What a company pays, what is contracted to it and what befalls its consumers; ``more`` are
    further rows."""

    def tonnes(material: str) -> Any:
        def of(option: Option) -> float | None:
            held = view.options.get(option.label)
            return None if held is None else held.output_t.get(material, 0.0)

        return of

    loss = left(side, view)
    rows = [*money(view), *more, loss, *over_alone(side, loss)]
    known = dict.fromkeys(m for held in view.options.values() for m in held.output_t)
    rows += [
        Figure(
            f"output:{m}",
            tr("Contracted, t a year: {material}", material=side.name("materials", m)),
            "tonnes",
            tonnes(m),
        )
        for m in known
    ]
    title = _headed(side, view, tr("outlay, cost and gain ({unit})", unit=side.million))
    yield across(side, title, rows, f"company-{place}")


def public(
    side: Side, view: OwnView, place: int, more: Sequence[Figure] = (), most: int | None = None
) -> Iterator[Table]:
    """What a public funder pays by class and by year, and when it has to be approved; ``more`` are
    further rows of the first table, and ``most`` the years that have a row of their own."""
    sums: dict[tuple[str, str], Sums] = {
        (option.label, part.budget_class or ""): part.sums
        for option in side.options
        for part in option.cost.parts
        if part.funder == view.funder
    }
    booked = {name for _, name in sums}

    def of_class(name: str) -> Figure:
        text = tr("Outlay: {part}", part=class_name(name))

        def paid(option: Option) -> float:
            return getattr(sums.get((option.label, name)), "paid_meur", 0.0)

        return Figure(f"class:{name}", text, "money", paid, MONEY)

    rows = [*money(view), *more, *(of_class(name) for name in CLASSES if name in booked)]
    title = _headed(side, view, tr("outlay and cost ({unit})", unit=side.million))
    yield across(side, title, rows, f"public-{place}")
    paid: dict[str, Mapping[str, float]] = {
        option.label: option.cost.by_funder[view.funder].paid_by_year_meur
        for option in side.options
        if view.funder in option.cost.by_funder
    }
    title = _headed(side, view, tr("outlay by year ({unit})", unit=side.million))
    yield from of_years(side, title, paid, f"public-{place}-paid", most)
    decided = {label: approvals(plan, view.funder) for label, plan in side.plans.items()}
    title = _headed(
        side, view, tr("to be approved, by year of the decision ({unit})", unit=side.million)
    )
    yield from of_years(side, title, decided, f"public-{place}-approved", most)
