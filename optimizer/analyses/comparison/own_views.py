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
from optimizer.report.document import DETAIL, Section, Table
from optimizer.report.wording import CLASSES, class_name


def sections(side: Side) -> Iterator[Section]:
    """A section for all companies, and one for all public funders that are not federal."""
    views = list(enumerate(side.found.own_views, start=1))
    companies = [_company(side, view, place) for place, view in views if view.kind == "company"]
    if companies:
        about = tr(
            "Outlay is not discounted. Contracted are tonnes of a year at full output, "
            "undisturbed, for the company's own consumers alone. Equally good plans may contract "
            "the same output to other companies: the sum is what an option decides."
        )
        title = tr("What the options mean for each company")
        tables = _noted(side, companies, about)
        yield Section("companies", title, tables, DETAIL, tab=tr("Companies"))
    public = [_public(side, view, place) for place, view in views if view.kind == "public"]
    if public:
        about = tr("Outlay is not discounted; of a guarantee it is the loan that it covers.")
        tables = _noted(side, [table for some in public for table in some], about)
        title = tr("What the options mean for public funders other than the federal state")
        yield Section("other-public", title, tables, DETAIL, tab=tr("Not federal"))


def _noted(side: Side, tables: Sequence[Table], note: str) -> list[Table]:
    """Tables with what has to be known of all of them below the last."""
    return [*tables[:-1], replace(tables[-1], note=side.noted(note))]


def _money(view: OwnView) -> list[Figure]:
    """What the funder pays, and what of that is its cost."""

    def pays(path: str) -> Any:
        return lambda option: getattr(option.cost.by_funder.get(view.funder), path, 0.0)

    return [
        Figure("outlay", tr("Outlay"), "money", pays("paid_meur"), MONEY),
        Figure("net", tr("Net cost, present value"), "money", pays("cost_meur"), MONEY),
    ]


def _titled(side: Side, view: OwnView, text: str) -> str:
    name, consumers = side.name("funders", view.funder), side.names("consumers", view.consumers)
    return f"{name} ({consumers}): {text}" if consumers else f"{name}: {text}"


def _company(side: Side, view: OwnView, place: int) -> Table:
    """What a company pays, what is contracted to it and what befalls its consumers."""

    def gain(path: str) -> Any:
        return lambda option: getattr(view.options.get(option.label), path, None)

    def tonnes(material: str) -> Any:
        def of(option: Option) -> float | None:
            held = view.options.get(option.label)
            return None if held is None else held.output_t.get(material, 0.0)

        return of

    rows = _money(view)
    if view.consumers:
        about = {"noun": side.counted, "unit": side.unit}
        name = tr("Expected {noun} of its consumers, {unit}", **about)
        without = gain("expected_without_plan")
        rows.append(Figure("left", name, "outcome", gain("expected"), DAMAGE, none=without))
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
    title = _titled(side, view, tr("outlay, cost and gain ({unit})", unit=side.million))
    return across(side, title, rows, f"company-{place}")


def _public(side: Side, view: OwnView, place: int) -> Iterator[Table]:
    """What a public funder pays by class and by year, and when it has to be approved."""
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

    rows = [*_money(view), *(of_class(name) for name in CLASSES if name in booked)]
    title = _titled(side, view, tr("outlay and cost ({unit})", unit=side.million))
    yield across(side, title, rows, f"public-{place}")
    paid: dict[str, Mapping[str, float]] = {
        option.label: option.cost.by_funder[view.funder].paid_by_year_meur
        for option in side.options
        if view.funder in option.cost.by_funder
    }
    title = _titled(side, view, tr("outlay by year ({unit})", unit=side.million))
    yield from of_years(side, title, paid, f"public-{place}-paid")
    decided = {label: approvals(plan, view.funder) for label, plan in side.plans.items()}
    title = _titled(
        side, view, tr("to be approved, by year of the decision ({unit})", unit=side.million)
    )
    yield from of_years(side, title, decided, f"public-{place}-approved")
