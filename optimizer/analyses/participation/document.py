"""What a company's share buys it, as a document."""

from collections.abc import Iterator
from typing import Any

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.analyses.participation import tables, words
from optimizer.analyses.participation.words import Say
from optimizer.report import document as doc
from optimizer.report.cells import along
from optimizer.report.charts import Chart
from optimizer.report.charts import participation as charts
from optimizer.report.figures import number, percent, rounded, small_percent


def document(found: Participation) -> doc.Document:
    """Which share is best, at what price and for what gain; what each share comes to; proof."""
    say = Say(found)
    money = [point.stake_meur or 0.0 for point in say.points]
    money += [point.standing.net_cost_meur for point in say.points if point.standing]
    section, every = doc.Section, tables.every(say)
    best = tr("Best share and limit")
    caption = tr("Best share and limit ({unit})", unit=say.million)
    summary = tables.summary(say, caption, "best-shares", doc.TEXT, _co_financing(say))
    years = tr("What the best share takes and brings, by year")
    return say.document(
        tr("Vorrat: what a company's share buys it"),
        list(_answer(say)),
        [
            section("public", best, [summary] if found.curves else [], doc.TEXT),
            section("money", years, list(tables.at_best(say)), doc.TEXT),
            section("curves", tr("All shares that were tried"), list(_curves(say)),
                    tab=tr("Shares")),
            section("years", tr("By year"), [tables.years(say, every)], doc.SHEET),
            section("method", tr("How it was computed"), [
                doc.Bullets(list(_steps(say))),
                doc.Heading(tr("What the model does not say")),
                doc.Bullets(_limits()),
            ]),
            section("proof", tr("How good the proof is"), [_proof(say)], tab=tr("Certificate")),
        ],
        title=tr("{company}: which share of {subject}?", company=say.company, subject=say.subject),
        subtitle=f"{say.title}. {say.subtitle}" if say.subtitle else say.title,
        checks=tables.checks(say),
        amounts=money,
        outcomes=(found.without_plan.cvar, found.without_plan.expected),
    )  # fmt: skip


# The answer


def _answer(say: Say) -> Iterator[doc.Part]:
    """Best share and what it buys, against acting alone and against waiting."""
    yield from headline(say)
    yield doc.Facts(list(_facts(say)), on=doc.PAGE)
    yield doc.Caution(list(_cautions(say)))
    best = tr("Best share and limit ({unit})", unit=say.million)
    yield tables.summary(say, best, tables.CURVES, doc.SHEET)
    yield tables.standings(say)


def headline(say: Say) -> Iterator[str]:
    """The answer in a few paragraphs."""
    best = words.best_point(say.main[0]) if say.main else None
    if best is not None:
        yield " ".join(_best(say, best))
        yield " ".join(_up_to(say, say.main[0], best))
    elif any(point.status != "infeasible" for point in say.points) or not say.points:
        yield tr("There is no plan at any share that was tried.")
    else:
        yield tr("No plan keeps all rules at any share of {subject} that was tried for {company}.",
                 subject=say.subject, company=say.company)  # fmt: skip


def _best(say: Say, best: SharePoint) -> Iterator[str]:
    assert best.standing is not None
    about = {"company": say.company, "shared": say.shared}
    if best.share <= words.NEAR:
        yield tr("{company} does best with no share {shared}: none that was tried leaves it better "
                 "off.", **about)  # fmt: skip
        return
    yield tr("{company} does best with {share} {shared}.", share=percent(best.share), **about)
    yield tr(
        "That is {stake} of capex; with its stocks it pays {outlay} over the years, and the net "
        "cost is {net}, discounted.",
        stake=say.money(best.stake_meur or 0.0),
        outlay=say.money(words.outlay_meur(best) or 0.0),
        net=say.money(best.standing.net_cost_meur),
    )
    if best.gain is not None:
        yield tr("Against no share at all, with the others going ahead, it gains {gain}, net of "
                 "what it pays.", gain=say.amount(best.gain))  # fmt: skip


def _up_to(say: Say, curve: ShareCurve, best: SharePoint) -> Iterator[str]:
    """The indifferent share, the limit, and what other plans as good would mean."""
    last, within = curve.indifferent_share, curve.indifferent_within
    if last is None and best.share <= words.NEAR and words.point_at(curve, 0.0) is not None:
        above = [p.gain or 0.0 for p in curve.points if p.share > best.share + words.NEAR]
        if above and max(above) < 0:
            yield tr("With every share above that it is worse off.")
    elif last is not None and within:
        yield tr(
            "Up to {share} it is no worse off than with none; shares were tried one by one, so "
            "that the true limit may lie up to {within} higher.",
            share=percent(last),
            within=tr("{number} percentage points", number=number(round(100 * within, 6))),
        )
    elif last is not None:
        yield tr("Up to {share} it is no worse off than with none.", share=percent(last))
    if curve.limit is not None:
        yield tr("The rules allow {limit} at most.", limit=percent(curve.limit))
    ends = best.range and (best.range.best.total, best.range.worst.total)
    if ends and rounded(ends[0]) != rounded(ends[1]):
        yield tr(
            "Other plans are as good by the objective of the scenario: with them, damage plus "
            "cost at the best share lies anywhere from {low} to {high}.",
            low=rounded(ends[0]),
            high=say.amount(ends[1]),
        )


def _facts(say: Say) -> Iterator[doc.Fact]:
    best = words.best_point(say.main[0]) if say.main else None
    if best is None or best.standing is None:
        return
    limit, last = say.main[0].limit, say.main[0].indifferent_share
    outlay = tr("discounted; outlay {outlay}", outlay=say.money(words.outlay_meur(best) or 0.0))
    yield doc.Fact(tr("Best share"), percent(best.share), say.shared)
    yield doc.Fact(tr("Net cost"), say.money(best.standing.net_cost_meur), outlay)
    for label, figure, told, beside in (
        (tr("Gain against no share"), best.gain, say.amount, tr("net of its cost")),
        (tr("No worse than none up to"), last, percent,
         "" if limit is None else tr("the rules allow {limit}", limit=percent(limit))),
        (tr("Own damage avoided per {currency}", currency=say.currency), best.avoided_per_euro,
         number, tr("of its net cost, against nobody acting")),
        (tr("Part of the benefit that goes to others"), best.to_others, percent,
         tr("of all damage avoided")),
    ):  # fmt: skip
        if figure is not None:
            yield doc.Fact(label, told(figure), beside)


def _early(say: Say) -> int:
    return sum(point.status in ("limit", "none") for point in say.points)


def _cautions(say: Say) -> Iterator[str]:
    """What must be read with the answer."""
    if say.found.ended == "interrupted":
        yield tr("Stopped early: points are missing.")
    if early := _early(say):
        yield tr(
            "{count} of {of} points stopped before the gap was reached: their figures, and shares "
            "found from them, may move.",
            count=number(early),
            of=number(len(say.points)),
        )
    if say.found.allocation == "pooled":
        yield words.all_is_pooled()
    yield from say.illustration()


# Shares


def _curves(say: Say) -> Iterator[doc.Part]:
    """All points with a chart; in a terminal, a table a curve."""
    every = tables.every(say)
    if every:
        yield tr("Each row is a plan of its own, in which {company} carries this share {shared}.",
                 company=say.company, shared=say.shared)  # fmt: skip
    for place, curve in enumerate(say.found.curves, start=1):
        own = [at for at in every if at.curve is curve]
        caption = tr("{curve} ({unit})", curve=words.curve_name(curve), unit=say.million)
        yield tables.points(say, own, f"curve-{place}", doc.TERMINAL, caption)
    main = [curve for curve in say.main if words.planned(curve)]
    about = tr(
        "One line for each way of the others. A star marks the best share, a diamond the largest "
        "at which the company is no worse off than with none; a dotted line runs at the height of "
        "no share."
    )
    told = f"{about} {tr('The figures are in the table below.')}"
    lines = [line(curve) for curve in main]
    title = tables.by_share_title(say)
    chart = Chart("share-totals", title, told, lambda: charts.totals(lines, say.unit))
    caption = tr("All shares that were tried ({unit})", unit=say.million)
    drawn = chart if main else None
    yield tables.points(say, every, tables.POINTS, doc.DETAIL, caption, drawn)


def line(curve: ShareCurve) -> charts.Line:
    """A curve as it is drawn."""

    def of_each(path: str) -> list[Any]:
        return [*map(along(path), words.planned(curve))]

    return charts.Line(
        words.curve_name(curve),
        of_each("share"),
        of_each("standing.total"),
        of_each("range.best.total"),
        of_each("range.worst.total"),
        along("share")(words.point_at(curve, curve.best_share)),
        along("share")(words.point_at(curve, curve.indifferent_share)),
    )


def _co_financing(say: Say) -> Chart | None:
    """Best and indifferent share over the public share, where public shares were stated."""
    some = [curve for curve in say.found.curves if curve.public_share is not None]
    if not some:
        return None
    shares = [[along(name)(curve) for curve in some]
              for name in ("public_share", "best_share", "indifferent_share", "limit")]  # fmt: skip
    return Chart(
        "public",
        tr("Best and indifferent share by public share of capex, if others decide anew"),
        tr("The figures are in the table below."),
        lambda: charts.co_financing(*shares),
    )


# How it was computed


def _steps(say: Say) -> Iterator[str]:
    """What is asked at each share."""
    found, company = say.found, {"company": say.company}
    yield tr(
        "For each share the program solves the whole problem anew with one rule more: {company} "
        "carries this share {shared}, no more and no less.",
        shared=say.shared,
        **company,
    )
    if any(curve.others == "reoptimize" for curve in found.curves):
        yield tr(
            "Where the others decide anew, projects, stocks and all other shares are chosen by the "
            "objective of the scenario, that is for all together and not for {company}.",
            **company,
        )
    if say.ranged:
        yield tr(
            "Many such plans are equally good for all together and unequal for {company}. Among "
            "those within {tolerance} of the best objective, the best and the worst for it are "
            "sought.",
            tolerance=small_percent(found.tolerance),
            **company,
        )
    if any(curve.others == "held" for curve in found.curves):
        yield tr(
            "Where the others stick to the plan, they do what they do in the scenario's own plan, "
            "in which the share is free; {company} chooses what is best for itself.",
            **company,
        )
    if found.allocation == "entitled":
        yield tr("What a company paid for is its own: in each state it is served first from its "
                 "own offtake and stocks.")  # fmt: skip
    yield tr(
        "Its damage is that of {consumers}; damage and money are discounted and averaged over "
        "{states} states of the world.",
        consumers=say.names("consumers", found.consumers) or tr("none"),
        states=number(say.states),
    )


def _limits() -> list[str]:
    """What the answer does not say."""
    return [
        tr("Shares are tried one by one. Between two of them nothing is known; the best share is "
           "the best of those tried."),
        tr("The figures rest on the scenario: its hazards, prices and damage are assumptions with "
           "probabilities, not a forecast."),
        tr("What a share gives beyond tonnes and money, such as a say in decisions or a "
           "supplier's goodwill, is not counted."),
    ]  # fmt: skip


def _proof(say: Say) -> doc.Table:
    """How good the points are, and what it takes to repeat them."""
    gaps = [point.gap for point in say.points if point.gap is not None]
    complete = say.found.ended == "complete"
    return say.proof(
        (tr("Largest gap"), small_percent(max(gaps, default=None))),
        (tr("Points"), number(len(say.points))),
        (tr("Points stopped early"), number(_early(say))),
        (tr("Computation"),
         tr("complete") if complete else tr("stopped early: points are missing")),
        (tr("Plans count as equally good within"), small_percent(say.found.tolerance)),
        (tr("Level of the CVaR"), percent(say.found.cvar_level)),
    )  # fmt: skip
