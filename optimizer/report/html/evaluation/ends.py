"""What becomes of it with some years more."""

from __future__ import annotations

from models.language import tr
from models.results import Evaluation
from optimizer.report.evaluating import words as said
from optimizer.report.figures import number, rounded
from optimizer.report.html.parts import Section, Table, alike, words
from optimizer.report.varying.words import million


def longer(found: Evaluation) -> Section | None:
    """The same commitment with a longer horizon."""
    of = found.longer
    if of is None:
        return None
    last = of.last_year - of.years
    parts: list[str | Table] = [
        tr(
            "The plan's horizon ends in {last}; stocks and plants do not. With {years} years more, "
            "and nothing new decided, it avoids {avoided} instead of {within}, at a net cost of "
            "{cost} instead of {own}.",
            last=last,
            years=number(of.years),
            avoided=said.told(found, of.avoided.value),
            within=said.told(found, of.avoided_within),
            cost=_money(found, of.net_cost_meur),
            own=_money(found, of.net_cost_within_meur),
        )
    ]
    if of.residual_meur:
        parts.append(
            tr(
                "The plan counts a residual value of {residual} at its end, which is left out "
                "where the years go on.",
                residual=_money(found, of.residual_meur),
            )
        )
    parts.append(
        Table(
            tr("To {first} and to {last}", first=last, last=of.last_year),
            [
                words(tr("Until"), [str(last), str(of.last_year)]),
                *alike(
                    {
                        tr("Avoided ({unit})", unit=said.unit(found)): [
                            of.avoided_within,
                            of.avoided.value,
                        ],
                        tr("Net cost ({unit})", unit=million(found.currency)): [
                            of.net_cost_within_meur,
                            of.net_cost_meur,
                        ],
                    }
                ),
            ],
            name="longer",
        )
    )
    return Section("longer", tr("Beyond the horizon"), parts)


def _money(found: Evaluation, value: float) -> str:
    return f"{rounded(value)} {million(found.currency)}"
