"""A participation for a reader: a section on how the company fares, and one on each curve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint, Standing
from optimizer.report.figures import NOISE, NONE, column, number, percent, small_percent
from optimizer.report.participating import picking, words
from optimizer.report.sections import Grid, Kind, Section

MATERIALS_SHOWN = 2
"""Materials named for a share; the others are counted."""

Columns = dict[str, tuple[Kind, Sequence[str]]]
"""Headers with what their columns hold, and the cells."""


def all_of(found: Participation) -> Iterator[Section]:
    """All sections that have something to say."""
    yield standings(found)
    public = co_financing(found)
    if public is not None:
        yield public
    for one in found.curves:
        if one.points:
            yield curve(found, one)
    yield proof(found)


def named_standings(found: Participation) -> list[tuple[str, Standing]]:
    """What the best share is measured against, and itself: nobody acts, alone, waiting, ..."""
    rows = [(tr("Nobody acts"), found.without_plan)]
    if found.alone is not None:
        rows.append((tr("It acts alone"), found.alone))
    for one in picking.main_curves(found):
        none = picking.point_at(one, 0.0)
        if none is not None and none.standing is not None:
            rows.append((tr("No share: {way}", way=_lower(words.way(one))), none.standing))
    if found.free is not None:
        rows.append((_free(found), found.free))
    for one in picking.main_curves(found):
        best = picking.best_point(one)
        if best is not None and best.standing is not None and best.share > picking.NEAR:
            text = tr(
                "Best share, {share}: {way}",
                share=percent(best.share),
                way=_lower(words.way(one)),
            )
            rows.append((text, best.standing))
    return rows


def _free(found: Participation) -> str:
    if found.free_share is None:
        return tr("The scenario's own plan")
    return tr("The scenario's own plan, share {share}", share=percent(found.free_share))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def standings(found: Participation) -> Section:
    """How the company fares in each case."""
    rows = named_standings(found)
    of = [standing for _, standing in rows]
    columns: Columns = {
        tr("If"): ("words", [name for name, _ in rows]),
    }
    columns |= _alike(
        {
            tr("Mean damage"): [s.expected for s in of],
            tr("CVaR"): [s.cvar for s in of],
            tr("Net cost"): [s.net_cost_meur for s in of],
            tr("Damage plus cost"): [s.total for s in of],
        }
    )
    title = tr("How {company} fares ({unit})", company=words.company(found), unit=words.unit(found))
    return Section(title, [_grid(columns)])


def co_financing(found: Participation) -> Section | None:
    """How public money moves the answer."""
    rows = [c for others in picking.WAYS for c in picking.co_financed(found, others)]
    if not rows:
        return None
    best = [picking.best_point(one) for one in rows]
    columns: Columns = {
        tr("Public share"): ("figures", [percent(one.public_share) for one in rows]),
        tr("The others"): ("words", [words.way(one) for one in rows]),
        tr("Best share"): ("figures", [percent(one.best_share) for one in rows]),
        tr("Net cost there"): (
            "figures",
            column([p.standing.net_cost_meur if p and p.standing else None for p in best]),
        ),
        tr("Gain there"): ("figures", column([p.gain if p else None for p in best])),
        tr("No worse than none up to"): ("figures", [percent(c.indifferent_share) for c in rows]),
        tr("Limit"): ("figures", [percent(one.limit) for one in rows]),
    }
    title = tr("What public co-financing changes ({unit})", unit=words.unit(found))
    return Section(title, [_grid(columns)])


def curve(found: Participation, one: ShareCurve) -> Section:
    """All shares, with the others behaving in one way: what it pays for what, and what it gets."""
    points = one.points
    of = [point.standing for point in points]
    shares: tuple[Kind, Sequence[str]] = ("figures", [percent(point.share) for point in points])
    columns: Columns = {tr("Share"): shares}
    columns[tr("Outlay")] = ("figures", column([_outlay(point) for point in points]))
    columns |= _alike(
        {
            tr("Mean damage"): [s.expected if s else None for s in of],
            tr("CVaR"): [s.cvar if s else None for s in of],
            tr("Net cost"): [s.net_cost_meur if s else None for s in of],
            tr("Damage plus cost"): [s.total if s else None for s in of],
        }
    )
    columns[tr("Gain")] = ("figures", column([point.gain for point in points]))
    remarks = [remark(one, point) for point in points]
    if any(remarks):
        columns[""] = ("words", remarks)
    parts: list[str | Grid] = [_grid(columns)]
    if picking.planned(one):
        parts.append(_grid({tr("Share"): shares, **_more(found, points)}))
    if one is found.curves[0]:
        parts += _notes(found)
    return Section(words.curve_name(one), parts)


def _more(found: Participation, points: Sequence[SharePoint]) -> Columns:
    """What a share brings per euro, to others, in tonnes, and depending on the others' plans."""
    columns: Columns = {}
    if any(point.range for point in points):
        columns[tr("Best to worst")] = ("figures", between(points))
    columns[tr("Avoided per {currency}", currency=found.currency)] = (
        "figures",
        column([point.avoided_per_euro for point in points]),
    )
    columns[tr("To others")] = ("figures", [percent(point.to_others) for point in points])
    return columns | _offtake(found, points)


def _outlay(point: SharePoint) -> float | None:
    return None if point.standing is None else picking.outlay_meur(point)


def between(points: Iterable[SharePoint]) -> list[str]:
    """From the best to the worst total that equally good plans leave."""
    pairs = [p.range for p in points]
    ends = [end for r in pairs for end in ((r.best.total, r.worst.total) if r else (None, None))]
    cells = iter(column(ends))
    told = ((next(cells), next(cells)) for _ in pairs)
    return [
        NONE if r is None else tr("{low} to {high}", low=low, high=high)
        for r, (low, high) in zip(pairs, told, strict=True)
    ]


def remark(one: ShareCurve, point: SharePoint) -> str:
    """What is special about a point: how it ended, and whether it answers a question."""
    told = [words.status(point)]
    if point.standing is not None:
        if picking.same(point.share, one.best_share):
            told.append(tr("best"))
        if picking.same(point.share, one.indifferent_share):
            told.append(tr("no worse than none up to here"))
    return "; ".join(filter(None, told))


def _offtake(found: Participation, points: Sequence[SharePoint]) -> Columns:
    """Tonnes reserved over all years: a column each for few materials, else one in words."""
    sums = [picking.offtake_t(point) for point in points]
    met = list(dict.fromkeys(m for of in sums for m in of))
    if not met:
        return {}
    if len(met) <= MATERIALS_SHOWN:
        return {
            tr("{material}, t", material=words.material(found, m)): (
                "figures",
                column(
                    [
                        None if p.standing is None else of.get(m, 0.0)
                        for p, of in zip(points, sums, strict=True)
                    ]
                ),
            )
            for m in met
        }
    return {tr("Offtake, t"): ("words", [_in_words(found, of) for of in sums])}


def _in_words(found: Participation, tonnes: Mapping[str, float]) -> str:
    ranked = sorted((m for m in tonnes if tonnes[m] > NOISE), key=lambda m: -tonnes[m])
    shown = [f"{words.material(found, m)} {number(tonnes[m])}" for m in ranked[:MATERIALS_SHOWN]]
    if len(ranked) > MATERIALS_SHOWN:
        shown.append(tr("{count} more", count=number(len(ranked) - MATERIALS_SHOWN)))
    return ", ".join(shown) or NONE


def _notes(found: Participation) -> Iterator[str]:
    yield tr(
        "In {unit}; outlay is undiscounted. Damage and CVaR are its own, CVaR is the mean of the "
        "worst {tail} of states. Gain: against no share, with the others behaving alike. To "
        "others: their part of all damage that is avoided. Tonnes are those of all years.",
        unit=words.unit(found),
        tail=percent(1 - found.cvar_level),
    )
    if any(point.range for one in found.curves for point in one.points):
        yield tr(
            "Best to worst: damage plus cost, over plans as good by the objective of the scenario."
        )


def proof(found: Participation) -> Section:
    """How good the points are."""
    points = [point for one in found.curves for point in one.points]
    open_ = [point for point in points if point.status in ("limit", "none")]
    gaps = [point.gap for point in points if point.gap is not None]
    rows = [
        [tr("Points"), number(len(points))],
        [tr("Gap asked for"), small_percent(found.gap_target)],
        [tr("Largest gap"), small_percent(max(gaps, default=None))],
        [tr("Points stopped early"), number(len(open_))],
        [tr("Plans count as equally good within"), small_percent(found.tolerance)],
        [tr("States of the world"), number(found.states)],
        [tr("Time"), f"{number(found.seconds)} s"],
    ]
    return Section(
        tr("How good the proof is"), [Grid({"": "words", " ": "words"}, rows, headed=False)]
    )


def _alike(headed: Mapping[str, Sequence[float | None]]) -> Columns:
    """Columns of figures that are added across, all with the same decimals."""
    cells = iter(column([value for values in headed.values() for value in values]))
    return {header: ("figures", [next(cells) for _ in values]) for header, values in headed.items()}


def _grid(columns: Columns) -> Grid:
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    return Grid({header: kind for header, (kind, _) in columns.items()}, rows)
