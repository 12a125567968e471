"""What a company's share buys it, as a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.language import tr
from models.results import Participation, ShareCurve
from optimizer.analyses.participation import prose, tables
from optimizer.analyses.participation.tables import CURVES, OUTLAYS, POINTS, At
from optimizer.analyses.participation.words import (
    NEAR,
    WAYS,
    Say,
    best_point,
    curve_name,
    outlay_meur,
    planned,
    point_at,
)
from optimizer.report.cells import along
from optimizer.report.charts import Chart
from optimizer.report.charts import participation as charts
from optimizer.report.document import (
    EVERYWHERE,
    PAGE,
    SHEET,
    TEXT,
    Bullets,
    Caution,
    Column,
    Document,
    Fact,
    Facts,
    Form,
    Heading,
    Part,
    Section,
    Table,
    Terms,
    Text,
    by_year,
)
from optimizer.report.figures import number, percent, small_percent
from optimizer.report.workbook.expressions import Expression, total
from optimizer.report.workbook.formulas import Line


def document(found: Participation) -> Document:
    """Which share is best, at what price and for what gain; what each share comes to; proof."""
    say = Say(found)
    every = [At(curve, point) for curve in found.curves for point in curve.points]
    money = [point.stake_meur or 0.0 for point in say.points]
    money += [point.standing.net_cost_meur for point in say.points if point.standing]
    return say.document(
        tr("Vorrat: what a company's share buys it"),
        list(_answer(say)),
        [
            Section("by-share", tr("What each share comes to"), _by_share(say), on=PAGE),
            Section("public", tr("What public co-financing changes"), list(_public(say)), on=TEXT),
            Section("money", tr("What the best share takes and brings, by year"),
                    list(_money(say)), on=TEXT),
            Section("curves", tr("All shares that were tried"), list(_curves(say, every)),
                    tab=tr("Shares")),
            *_by_year(say, every),
            Section("method", tr("How it was computed"), [
                Bullets(list(prose.steps(say))),
                Heading(tr("What the model does not say")),
                Bullets(prose.limits()),
            ]),
            Section("proof", tr("How good the proof is"), list(_proof(say)),
                    tab=tr("Certificate")),
            Section("glossary", tr("Terms"), [Terms(prose.terms(say))]),
        ],
        title=tr("{company}: which share of {subject}?", company=say.company, subject=say.subject),
        subtitle=f"{say.title}. {say.subtitle}" if say.subtitle else say.title,
        checks=tables.checks(say),
        amounts=money,
        outcomes=(found.without_plan.cvar, found.without_plan.expected),
    )  # fmt: skip


def _answer(say: Say) -> Iterator[Part]:
    """Best share and what it buys, against acting alone and against waiting."""
    first, *more = prose.headline(say)
    yield first
    yield Facts(list(_facts(say)), on=PAGE)
    yield from more
    yield Caution(list(prose.cautions(say)))
    # With public shares, tables beside charts say the same on a page and in a terminal.
    yield tables.summary(
        say,
        tr("Best share and limit ({unit})", unit=say.million),
        say.found.curves,
        CURVES,
        SHEET if any(map(say.co_financed, WAYS)) else EVERYWHERE,
    )
    yield Heading(tr("With others, alone, or waiting"), on=PAGE)
    yield tables.standings(say)
    yield from (Text(text, on=TEXT) for text in prose.meaning(say))


def _facts(say: Say) -> Iterator[Fact]:
    curve = next(iter(say.main), None)
    best = None if curve is None else best_point(curve)
    if curve is None or best is None or best.standing is None:
        return
    outlay = say.money(outlay_meur(best) or 0.0)
    yield Fact(tr("Best share"), percent(best.share), say.shared)
    discounted = tr("discounted; outlay {outlay}", outlay=outlay)
    yield Fact(tr("Net cost"), say.money(best.standing.net_cost_meur), discounted)
    limit = curve.limit
    for label, figure, say_figure, beside in (
        (tr("Gain against no share"), best.gain, say.amount, tr("net of its cost")),
        (tr("No worse than none up to"), curve.indifferent_share, percent,
         "" if limit is None else tr("the rules allow {limit}", limit=percent(limit))),
        (tr("Own damage avoided per {currency}", currency=say.currency), best.avoided_per_euro,
         number, tr("of its net cost, against nobody acting")),
        (tr("Part of the benefit that goes to others"), best.to_others, percent,
         tr("of all damage avoided")),
    ):  # fmt: skip
        if figure is not None:
            yield Fact(label, say_figure(figure), beside)


def _by_share(say: Say) -> list[Part]:
    """Damage plus cost against the share, for both ways of the others."""
    main = [curve for curve in say.main if planned(curve)]
    about = tr(
        "One line for each way of the others. A star marks the best share, a diamond the largest "
        "at which the company is no worse off than with none; a dotted line runs at the height of "
        "no share."
    )
    best = [
        tr("{way}: least at {share}, {total}.", way=curve_name(curve), share=percent(point.share),
           total=say.amount(point.standing.total))
        for curve in main
        if (point := best_point(curve)) and point.standing
    ]  # fmt: skip
    told = [about, *best, tr("The figures are in the table below.")]
    chart = Chart(
        "share-totals",
        tables.by_share_title(say),
        " ".join(told),
        lambda: charts.totals([line(curve) for curve in main], say.unit),
    )
    return [tables.by_share(say, main, chart)] if main else []


def line(curve: ShareCurve) -> charts.Line:
    """A curve as it is drawn."""

    def of_each(path: str) -> list[Any]:
        return [*map(along(path), planned(curve))]

    return charts.Line(
        curve_name(curve),
        of_each("share"),
        of_each("standing.total"),
        of_each("range.best.total"),
        of_each("range.worst.total"),
        along("share")(point_at(curve, curve.best_share)),
        along("share")(point_at(curve, curve.indifferent_share)),
    )


def _public(say: Say) -> Iterator[Part]:
    """A chart and a table for each way of the others, where public shares were stated."""
    if any(map(say.co_financed, WAYS)):
        yield tr(
            "Public funders carry a stated share of the same capex; all else is decided anew at "
            "each of these shares."
        )
    for others in WAYS:
        some = say.co_financed(others)
        if not some:
            continue
        free = [c for c in say.found.curves if c.others == others and c.public_share is None]
        name, title = {
            "reoptimize": (
                "public",
                tr("Best and indifferent share by public share of capex, if others decide anew"),
            ),
            "held": (
                "public-held",
                tr("Best and indifferent share by public share of capex, if others stick to the "
                   "plan"),
            ),
        }[others]  # fmt: skip
        yield tables.summary(
            say,
            tr("{title} ({unit})", title=title, unit=say.million),
            [*some, *free],
            name,
            chart=_co_financing(name, title, some),
        )


def _co_financing(name: str, title: str, some: Sequence[ShareCurve]) -> Chart:
    told = [
        tr("Public share {public}: best {best}, no worse than none up to {indifferent}.",
           public=percent(curve.public_share), best=percent(curve.best_share),
           indifferent=percent(curve.indifferent_share))
        for curve in some
    ]  # fmt: skip
    return Chart(
        name,
        title,
        " ".join([*told, tr("The figures are in the table below.")]),
        lambda: charts.co_financing(
            [curve.public_share or 0.0 for curve in some],
            [curve.best_share for curve in some],
            [curve.indifferent_share for curve in some],
            [curve.limit for curve in some],
        ),
    )


def _money(say: Say) -> Iterator[Part]:
    """Outlay and offtake by year at the best share, and what is built, for each way of others."""
    best = [
        At(curve, point)
        for curve in say.main
        if (point := best_point(curve)) is not None and point.share > NEAR
    ]
    if not any(at.point.outlay_by_year_meur or at.point.offtake_t for at in best):
        return
    entitled, reserved = (
        tr("What {company} pays at its best share, for projects and stocks, and what it is "
           "entitled to of their output.", company=say.company),
        tr("What {company} pays at its best share, for projects and stocks, and the tonnes that "
           "are reserved in its name.", company=say.company),
    )  # fmt: skip
    yield entitled if say.found.allocation == "entitled" else reserved
    unit, paid = say.million, [(_name(at), "", _outlay(at)) for at in best]
    yield _down("outlay", tr("Outlay by year ({unit}, undiscounted)", unit=unit), paid, "money")
    served = [(say.material(at.material), _name(at), _tonnes(at)) for at in _with_materials(best)]
    if served:
        note = tr("At full running, without delay or failure.")
        yield _down("offtake", tr("Offtake by year (t)"), served, "tonnes", note)
    yield Heading(tr("What is built then"))
    yield Bullets(
        [tr("{way}: {projects}.", way=_name(at), projects=say.projects(at.point)) for at in best]
    )


def _name(at: At) -> str:
    """The best share of a curve."""
    return tr("{way} (share {share})", way=curve_name(at.curve), share=percent(at.point.share))


def _curves(say: Say, every: Sequence[At]) -> Iterator[Part]:
    """A table a curve; in a workbook, one of all."""
    if every:
        yield tr(
            "Each row is a plan of its own, in which {company} carries this share {shared}.",
            company=say.company,
            shared=say.shared,
        )
    for place, curve in enumerate(say.found.curves, start=1):
        rows = [At(curve, point) for point in curve.points]
        caption = tr("{curve} ({unit})", curve=curve_name(curve), unit=say.million)
        note = prose.columns(say, proven=False) if place == 1 else ""
        yield tables.points(say, rows, f"curve-{place}", TEXT, caption, note)
    caption = tr("All shares that were tried ({unit})", unit=say.million)
    note = prose.columns(say, proven=True)
    yield tables.points(say, every, POINTS, SHEET, caption, note)


def _by_year(say: Say, every: Sequence[At]) -> Iterator[Section]:
    """Sheets of what each share takes and brings in each year."""
    planned = [at for at in every if at.point.standing is not None]
    paid = _across(OUTLAYS, planned, _outlay, "money", empty=tr("No plan was found."))
    title = tr("Outlay by year ({unit}, undiscounted)", unit=say.million)
    yield Section("outlays", title, [paid], on=SHEET, tab=tr("Outlay"))
    served = _across(
        "offtakes",
        _with_materials(every),
        _tonnes,
        "tonnes",
        [Column(tr("Material"), lambda at: say.material(at.material), "text", width=22)],
        tr("At full running, without delay or failure."),
        tr("Nothing is reserved."),
    )
    yield Section("offtakes", tr("Offtake by year (t)"), [served], on=SHEET, tab=tr("Offtake"))


def _proof(say: Say) -> Iterator[Part]:
    """How good the points are, and what it takes to repeat them."""
    found = say.found
    gaps = [point.gap for point in say.points if point.gap is not None]
    early = sum(point.status in ("limit", "none") for point in say.points)
    complete = found.ended == "complete"
    yield Text(
        tr(
            "The gap says by how much another plan at the same share can be better at most, in "
            "the objective that it was chosen by. It says nothing about how well the scenario "
            "fits the world."
        ),
        on=PAGE,
    )
    yield say.proof(
        (tr("Largest gap"), small_percent(max(gaps, default=None))),
        (tr("Points"), number(len(say.points))),
        (tr("Points stopped early"), number(early)),
        (tr("Computation"),
         tr("complete") if complete else tr("stopped early: points are missing")),
        (tr("Plans count as equally good within"), small_percent(found.tolerance)),
        (tr("Level of the CVaR"), percent(found.cvar_level)),
    )  # fmt: skip


def _with_materials(rows: Iterable[At]) -> list[At]:
    """A row for each material of which tonnes are reserved at a share."""
    return [At(*at[:2], id) for at in rows for id in at.point.offtake_t]


def _tonnes(at: At) -> Mapping[str, float]:
    """Tonnes of the material of a row, by year."""
    return at.point.offtake_t[at.material]


def _outlay(at: At) -> Mapping[str, float]:
    """Undiscounted million EUR that the company pays, by year."""
    return at.point.outlay_by_year_meur


def _across(
    name: str,
    rows: Sequence[At],
    of: Callable[[At], Mapping[str, float]],
    form: Form,
    more: Sequence[Column] = (),
    note: str = "",
    empty: str = "",
) -> Table:
    """A row a share and a column a year, with sums as formulas; ``more`` stands before years."""
    known = sorted({int(year) for at in rows for year in of(at)})

    def summed(line: Line) -> Expression | None:
        return total(line.span(str(known[0]), str(known[-1]))) if known else None

    columns = [
        Column(tr("The others"), lambda at: curve_name(at.curve), "text", width=36),
        Column(tr("Share"), "point.share", "share", origin="scenario"),
        *more,
        *by_year(known, of, form),
        Column(tr("All years"), lambda at: sum(of(at).values()), form, key="all", formula=summed),
    ]
    return Table(
        "", rows, columns, name, note, on=SHEET, freeze=2, ruled=tables.first_of_curve, empty=empty
    )


def _down(
    name: str,
    caption: str,
    figures: Sequence[tuple[str, str, Mapping[str, float]]],
    form: Form,
    note: str = "",
) -> Table:
    """A row a year from the first to the last, and a column each for figures by year: their
    header, the one above it, and the figures."""

    met = {int(year) for _, _, by_year in figures for year in by_year}

    def column(header: str, group: str, by_year: Mapping[str, float]) -> Column:
        return Column(header, lambda n: by_year.get(str(n), 0.0), form, group, total=True)

    columns = [Column(tr("Year"), int, "year"), *(column(*of) for of in figures)]
    years = range(min(met), max(met) + 1) if met else []
    return Table(caption, years, columns, name, note, total=tr("All years"), on=TEXT)
