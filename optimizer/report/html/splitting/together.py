"""What all do together, and what each bears before anything is shared."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.figures import NONE
from optimizer.report.html.parts import (
    Heading,
    Part,
    Section,
    Table,
    alike,
    amounts,
    with_total,
    words,
    year_names,
    years,
)
from optimizer.report.html.subject import capital
from optimizer.report.splitting import prose
from optimizer.report.splitting.game import Game, about_others


def together(game: Game) -> Section:
    """The plan of all, who carries it, and what each bears alone and with all."""
    parts: list[Part] = [*_plan(game), Heading(tr("What each bears, alone and with all"))]
    parts.append(_players(game))
    spent = _outlay(game)
    if spent is not None:
        parts += [Heading(tr("Who pays when")), spent]
    return Section("together", tr("What all do together"), parts)


def _plan(game: Game) -> Iterator[Part]:
    found = game.split.plan
    yield prose.state(game)
    if not found.projects:
        yield tr("Nothing is built.")
    else:
        yield Table(
            tr("Projects of all, and who carries them"),
            [
                words(tr("Project"), [game.project(p) for p in found.projects]),
                years(tr("Start"), [p.start for p in found.projects]),
                amounts(
                    tr("Capex, {unit}", unit=game.million), [p.capex_meur for p in found.projects]
                ),
                words(tr("Carried by"), [capital(game.carried(p)) or NONE for p in found.projects]),
                words(
                    tr("Output for"), [capital(game.reserved(p)) or NONE for p in found.projects]
                ),
            ],
            name="joint-projects",
            note=tr("Capex is not discounted. Shares are of capex, and of output."),
        )
    if found.stocks_t:
        piles = list(found.stocks_t)
        yield Table(
            tr("Stocks of all"),
            [
                words(tr("Stockpile"), map(game.stockpile, piles)),
                amounts(tr("Held at most, t"), [found.stocks_t[h] for h in piles]),
            ],
            name="joint-stocks",
        )


def _players(game: Game) -> Table:
    split = game.split
    some = list(split.players)
    names = [game.player(p.id) for p in some]
    without: list[float | None] = [split.plan.without_plan[p.id] for p in some]
    alone = [p.alone.value for p in some]
    damage = [split.plan.damage[p.id] for p in some]
    outlay = [game.outlay(p.id) for p in some]
    others = game.others
    if others is not None:
        names.append(others.name)
        without.append(None)
        alone.append(others.alone.value)
        damage.append(others.damage)
        outlay.append(others.outlay)
    before = [a - d - o for a, d, o in zip(alone, damage, outlay, strict=True)]
    columns = [words(tr("Player"), [*names, tr("All")])]
    columns += alike(
        {
            tr("Damage if nobody acts"): with_total(without),
            tr("Damage and net cost alone"): with_total(alone),
            tr("Damage with all"): with_total(damage),
            tr("Net outlay with all"): with_total(outlay),
            tr("Gain before transfers"): with_total(before),
        }
    )
    return Table(
        tr("What each bears, alone and with all ({unit})", unit=game.million),
        columns,
        total=True,
        name="players",
        note=_about_players(game),
    )


def _about_players(game: Game) -> str:
    told = tr(
        "Mean over the states, discounted. Gain before transfers: what one bears alone, less "
        "damage and outlay with all; together that is the gain of all."
    )
    return told if game.others is None else f"{told} {about_others()}"


def _outlay(game: Game) -> Table | None:
    paid = game.split.plan.outlay_by_year_meur
    when = sorted({year for by_year in paid.values() for year in by_year}, key=int)
    if not when:
        return None
    of = [(game.funder(f), [by_year.get(y, 0.0) for y in when]) for f, by_year in paid.items()]
    of.append((tr("All"), [sum(values[n] for _, values in of) for n in range(len(when))]))
    return Table(
        tr("What each pays by year in the plan of all ({unit}, not discounted)", unit=game.million),
        [
            year_names(map(int, when), tr("Sum")),
            *alike([(name, with_total(values)) for name, values in of]),
        ],
        total=True,
        dense=len(of) > 6,
        name="outlay",
    )
