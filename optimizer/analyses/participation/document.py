"""The document of a participation: best share of a company, its limits and its gain."""

from collections.abc import Iterator
from typing import Any

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.analyses.participation import tables
from optimizer.analyses.participation.tables import ParticipationWording
from optimizer.report import document as doc
from optimizer.report.cells import attribute_getter
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.number_format import (
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
)


def build_document(result: Participation) -> doc.Document:
    """Build the document on a participation: best share, all shares that were tried, method and
    proof."""
    wording = ParticipationWording(result)
    section, tried_shares = doc.Section, tables.all_tried_shares(wording)
    best_title = tr("Best share and limit")
    caption = tr("Best share and limit ({unit})", unit=wording.money_unit)
    summary = tables.summary_table(wording, caption, "curves", _co_financing_chart(wording))
    years_title = tr("What the best share takes and brings, by year")
    return wording.build_document(
        tr("Vorrat: what a company's share buys it"),
        list(_answer_parts(wording)),
        [
            section("public", best_title, [summary] if result.curves else []),
            section("money", years_title, list(tables.best_share_parts(wording)),
                doc.TERMINAL_AND_PAGE),
            section("curves", tr("All shares that were tried"), list(_curve_parts(wording)),
                sheet_name=tr("Shares")),
            section("years", tr("By year"), [tables.years_table(wording, tried_shares)], doc.SHEET),
            section("method", tr("How it was computed"),
                [doc.Bullets(list(_describe_method(wording))),
                doc.Heading(tr("What the model does not say")),
                doc.Bullets(_describe_limitations())]),
            section("proof", tr("How good the proof is"), [_proof_table(wording)],
                sheet_name=tr("Certificate")),
        ],
        title=tr("{company}: which share of {subject}?", company=wording.company_name,
            subject=wording.subject_name),
        subtitle=f"{wording.title}. {wording.subtitle}" if wording.subtitle else wording.title,
        checks=list(tables.build_checks(wording)),
    )  # fmt: skip


# The answer


def _answer_parts(wording: ParticipationWording) -> Iterator[doc.Part]:
    """Yield the answer: the best share, compared with acting alone and with having no share."""
    yield from headline(wording)
    yield doc.Facts(list(_key_facts(wording)), media=doc.PAGE)
    yield doc.Caution(list(_cautions(wording)))
    yield tables.standings_table(wording)


def headline(wording: ParticipationWording) -> Iterator[str]:
    """Yield the answer in a few paragraphs of text."""
    best_point = tables.best_point(wording.main_curves[0]) if wording.main_curves else None
    if best_point is not None:
        yield " ".join(_describe_best_share(wording, best_point))
        yield " ".join(_describe_share_limits(wording, wording.main_curves[0], best_point))
    elif not wording.all_points or {x.status for x in wording.all_points} != {"infeasible"}:
        yield tr("There is no plan at any share that was tried.")
    else:
        yield tr("No plan keeps all rules at any share of {subject} that was tried for {company}.",
                 subject=wording.subject_name, company=wording.company_name)  # fmt: skip


def _describe_best_share(wording: ParticipationWording, best_point: SharePoint) -> Iterator[str]:
    assert best_point.standing is not None
    sentence_fields = {"company": wording.company_name, "shared": wording.share_phrase}
    if best_point.share <= tables.SHARE_TOLERANCE:
        yield tr("{company} does best with no share {shared}: none that was tried leaves it better "
                 "off.", **sentence_fields)  # fmt: skip
        return
    yield tr(
        "{company} does best with {share} {shared}.",
        share=format_percent(best_point.share),
        **sentence_fields,
    )
    yield tr(
        "That is {stake} of capex; with its stocks it pays {outlay} over the years, and the net "
        "cost is {net}, discounted.",
        stake=wording.money_amount(best_point.stake_meur or 0.0),
        outlay=wording.money_amount(tables.total_outlay_meur(best_point) or 0.0),
        net=wording.money_amount(best_point.standing.net_cost_meur),
    )
    if best_point.gain is not None:
        yield tr("Against no share at all, with the others going ahead, it gains {gain}, net of "
                 "what it pays.", gain=wording.amount(best_point.gain))  # fmt: skip


def _describe_share_limits(
    wording: ParticipationWording, curve: ShareCurve, best_point: SharePoint
) -> Iterator[str]:
    """Yield sentences on the indifferent share, the largest share, and the range over equally good
    plans."""
    indifferent_share, indifferent_within = curve.indifferent_share, curve.indifferent_within
    tolerance = tables.SHARE_TOLERANCE
    is_best_without = best_point.share <= tolerance
    if indifferent_share is None and is_best_without and tables.point_at(curve, 0.0):
        gains_above = [
            p.gain or 0.0 for p in curve.points if p.share > best_point.share + tolerance
        ]
        if gains_above and max(gains_above) < 0:
            yield tr("With every share above that it is worse off.")
    elif indifferent_share is not None and indifferent_within:
        yield tr(
            "Up to {share} it is no worse off than with none; shares were tried one by one, so "
            "that the true limit may lie up to {within} higher.",
            share=format_percent(indifferent_share),
            within=tr(
                "{number} percentage points",
                number=format_number(round(100 * indifferent_within, 6)),
            ),
        )
    elif indifferent_share is not None:
        yield tr(
            "Up to {share} it is no worse off than with none.",
            share=format_percent(indifferent_share),
        )
    if curve.limit is not None:
        yield tr("The rules allow {limit} at most.", limit=format_percent(curve.limit))
    totals = best_point.range and (best_point.range.best.total, best_point.range.worst.total)
    if totals and format_rounded(totals[0]) != format_rounded(totals[1]):
        yield tr(
            "Other plans are as good by the objective of the scenario: with them, damage plus "
            "cost at the best share lies anywhere from {low} to {high}.",
            low=format_rounded(totals[0]),
            high=wording.amount(totals[1]),
        )


def _key_facts(wording: ParticipationWording) -> Iterator[doc.Fact]:
    best_point = tables.best_point(wording.main_curves[0]) if wording.main_curves else None
    if best_point is None or best_point.standing is None:
        return
    limit, indifferent = wording.main_curves[0].limit, wording.main_curves[0].indifferent_share
    outlay = tr(
        "discounted; outlay {outlay}",
        outlay=wording.money_amount(tables.total_outlay_meur(best_point) or 0.0),
    )
    yield doc.Fact(tr("Best share"), format_percent(best_point.share), wording.share_phrase)
    yield doc.Fact(tr("Net cost"), wording.money_amount(best_point.standing.net_cost_meur), outlay)
    for label, figure, format_figure, detail in (
        (tr("Gain against no share"), best_point.gain, wording.amount, tr("net of its cost")),
        (tr("No worse than none up to"), indifferent, format_percent,
         "" if limit is None else tr("the rules allow {limit}", limit=format_percent(limit))),
        (tr("Own damage avoided per {currency}", currency=wording.currency),
         best_point.avoided_per_euro,
         format_number, tr("of its net cost, against nobody acting")),
        (tr("Part of the benefit that goes to others"), best_point.to_others, format_percent,
         tr("of all damage avoided")),
    ):  # fmt: skip
        if figure is not None:
            yield doc.Fact(label, format_figure(figure), detail)


def _count_stopped_early(wording: ParticipationWording) -> int:
    return sum(point.status in ("limit", "none") for point in wording.all_points)


def _cautions(wording: ParticipationWording) -> Iterator[str]:
    """Yield cautions on solves that stopped early, pooled supply and few states."""
    if wording.result.ended == "interrupted":
        yield tr("Stopped early: points are missing.")
    if stopped_count := _count_stopped_early(wording):
        yield tr(
            "{count} of {of} points stopped before the gap was reached: their figures, and shares "
            "found from them, may move.",
            count=format_number(stopped_count),
            of=format_number(len(wording.all_points)),
        )
    if wording.result.allocation == "pooled":
        yield tables.pooled_supply_note()
    yield from wording.few_states_caution()


# Shares


def _curve_parts(wording: ParticipationWording) -> Iterator[doc.Part]:
    """Yield the table of all points with a chart; on a terminal, one table for each curve."""
    tried_shares = tables.all_tried_shares(wording)
    if tried_shares:
        yield tr("Each row is a plan of its own, in which {company} carries this share {shared}.",
                 company=wording.company_name, shared=wording.share_phrase)  # fmt: skip
    for number, curve in enumerate(wording.result.curves, start=1):
        curve_shares = [tried_share for tried_share in tried_shares if tried_share.curve is curve]
        name = tables.curve_name(curve)
        caption = tr("{curve} ({unit})", curve=name, unit=wording.money_unit)
        yield tables.points_table(wording, curve_shares, f"curve-{number}", doc.TERMINAL, caption)
    main_curves = [curve for curve in wording.main_curves if tables.points_with_plan(curve)]
    legend = tr(
        "One line for each way of the others. A star marks the best share, a diamond the largest "
        "at which the company is no worse off than with none; a dotted line runs at the height of "
        "no share."
    )
    description = f"{legend} {tr('The figures are in the table below.')}"
    lines = [chart_line(curve) for curve in main_curves]
    title = tables.totals_chart_title(wording)
    chart = Chart(
        "share-totals", title, description, lambda: charts.share_totals_chart(lines, wording.unit)
    )
    caption = tr("All shares that were tried ({unit})", unit=wording.money_unit)
    shown_chart = chart if main_curves else None
    yield tables.points_table(
        wording, tried_shares, tables.POINTS_TABLE, doc.PAGE_AND_SHEET, caption, shown_chart
    )


def chart_line(curve: ShareCurve) -> charts.ShareLine:
    """Return a curve of shares as a line for the chart."""

    def values_of(path: str) -> list[Any]:
        return [*map(attribute_getter(path), tables.points_with_plan(curve))]

    return charts.ShareLine(
        tables.curve_name(curve),
        values_of("share"),
        values_of("standing.total"),
        values_of("range.best.total"),
        values_of("range.worst.total"),
        attribute_getter("share")(tables.point_at(curve, curve.best_share)),
        attribute_getter("share")(tables.point_at(curve, curve.indifferent_share)),
    )


def _co_financing_chart(wording: ParticipationWording) -> Chart | None:
    """Return the chart of the best and the indifferent share against the public share.

    Return None if no public shares were fixed.
    """
    curves = [curve for curve in wording.result.curves if curve.public_share is not None]
    if not curves:
        return None
    shares_by_line = [[attribute_getter(name)(curve) for curve in curves]
              for name in ("public_share", "best_share", "indifferent_share", "limit")]  # fmt: skip
    return Chart(
        "public",
        tr("Best and indifferent share by public share of capex, if others decide again"),
        tr("The figures are in the table below."),
        lambda: charts.co_financing_chart(*shares_by_line),
    )


# How it was computed


def _describe_method(wording: ParticipationWording) -> Iterator[str]:
    """Yield sentences on the problem that is solved at each share."""
    result, company_field = wording.result, {"company": wording.company_name}
    yield tr(
        "For each share the program solves the whole problem again with one rule more: "
        "{company} carries this share {shared}, no more and no less.",
        shared=wording.share_phrase,
        **company_field,
    )
    if any(curve.others == "reoptimize" for curve in result.curves):
        yield tr(
            "Where the others decide again, projects, stocks and all other shares are chosen "
            "by the objective of the scenario, that is for all together and not for "
            "{company}.",
            **company_field,
        )
    if wording.has_ranges:
        yield tr(
            "Many such plans are equally good for all together and unequal for {company}. "
            "Among those within {tolerance} of the best objective, the best and the worst "
            "for it are searched for.",
            tolerance=format_small_percent(result.tolerance),
            **company_field,
        )
    if any(curve.others == "held" for curve in result.curves):
        yield tr(
            "Where the others stick to the plan, they do what they do in the scenario's own plan, "
            "in which the share is free; {company} chooses what is best for itself.",
            **company_field,
        )
    if result.allocation == "entitled":
        yield tr("What a company paid for is its own: in each state it is served first from its "
                 "own offtake and stocks.")  # fmt: skip
    yield tr(
        "Its damage is that of {consumers}; damage and money are discounted and averaged over "
        "{states} states of the world.",
        consumers=wording.names("consumers", result.consumers) or tr("none"),
        states=format_number(wording.state_count),
    )


def _describe_limitations() -> list[str]:
    """Return sentences on the limitations of the analysis."""
    return [
        tr("Shares are tried one by one. Between two of them nothing is known; the best share is "
           "the best of those tried."),
        tr("The figures rest on the scenario: its hazards, prices and damage are assumptions with "
           "probabilities, not a forecast."),
        tr("What a share gives beyond tonnes and money, such as a say in decisions or a "
           "supplier's goodwill, is not counted."),
    ]  # fmt: skip


def _proof_table(wording: ParticipationWording) -> doc.Table:
    """Return the table of the gaps, the number of points, and the settings."""
    point_gaps = [point.gap for point in wording.all_points if point.gap is not None]
    is_complete = wording.result.ended == "complete"
    return wording.proof_table(
        (tr("Largest gap"), format_small_percent(max(point_gaps, default=None))),
        (tr("Points"), format_number(len(wording.all_points))),
        (tr("Points stopped early"), format_number(_count_stopped_early(wording))),
        (tr("Computation"),
         tr("complete") if is_complete else tr("stopped early: points are missing")),
        (tr("Plans count as equally good within"), format_small_percent(wording.result.tolerance)),
        (tr("Level of the CVaR"), format_percent(wording.result.cvar_level)),
    )  # fmt: skip
