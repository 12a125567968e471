"""The tables of rules and groups: what each rule leaves to each player, and who would leave.

Formulas find what each bears in ``split-players``, what rules leave in ``gains``, and groups in
``coalitions``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from models import results
from models.language import tr
from models.results import Coalition, Interval, SharingRule
from optimizer.analyses.split.tables import borne, interval, money
from optimizer.analyses.split.words import OTHERS, Game, rule_name
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import split as charts
from optimizer.report.document import DETAIL, SHEET, Column, Media, Table, sheet_only
from optimizer.report.figures import NONE
from optimizer.report.wording import joined
from optimizer.report.workbook import expressions as cell
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Line

SHOWN = 25
"""Groups that the page lists; a workbook has all."""
RULE = "rule"
"""The choice of a rule in a workbook."""
ALONE, CHOSEN = 0, 1
"""Rows of the table above the groups: what each player bears alone, and gains by that rule."""


# Rules


def by_rule(
    game: Game,
    prefix: str,
    of_share: Callable[[results.MemberShare], float | None],
    formula: Callable[[Line, str], Expression] | None = None,
    **more: Any,
) -> list[Column]:
    """A column a rule of what it gives a player; formulas find it by ``prefix`` and rule."""

    def column(rule: SharingRule) -> Column:
        made = None if formula is None else lambda line: formula(line, rule.rule)
        return money(rule_name(rule.rule), lambda one: of_share(rule.members[one.id]),
                     f"{prefix} {rule.rule}", formula=made, **more)  # fmt: skip

    return [column(rule) for rule in game.found.rules]


def gains(game: Game) -> Table:
    """What each rule leaves to each player."""
    title = tr("What each rule leaves to each player ({unit})", unit=game.million)
    core, rules = game.found.core, game.found.rules
    columns = [
        Column(tr("Player"), lambda one: game.funder(one.id), "text"),
        *by_rule(game, "gain", lambda of: of.gain.value, like="gain", total=True),
    ]
    if core is not None:
        columns.append(
            money(tr("Least core"), lambda one: core.members.get(one.id), "core", like="gain",
                  total=True)
        )  # fmt: skip
    columns += [
        *by_rule(game, "low", lambda of: of.gain.low, group=tr("At least"), on=SHEET),
        *by_rule(game, "high", lambda of: of.gain.high, group=tr("At most"), on=SHEET),
        doc.ids(tr("Id"), "id", "id"),
    ]
    series = {
        rule_name(rule.rule): [_drawn(game, rule.members[id].gain) for id in game.players]
        for rule in rules
    }
    about = tr(
        "One group of bars a player, one bar a rule in the order of the table below; a thin line "
        "shows what proofs or the sample leave open."
    )
    names = [*map(game.funder, game.players)]
    return Table(
        title,
        game.found.players,
        columns,
        "gains",
        total=tr("All"),
        chart=Chart("gains", title, about, lambda: charts.gains(names, series, game.million)),
        key=lambda one: one.id,
    )


def _drawn(game: Game, figure: Interval) -> charts.Range:
    """A figure as it is drawn: what is open shows where it is not negligible."""
    low, value, high = figure.low, figure.value, figure.high
    return (low, value, high) if game.is_wide(figure) else (value, value, value)


def payments(game: Game) -> Table:
    """What each player pays with each rule, and to whom."""

    def pays(line: Line, rule: str) -> Expression:
        gain = line.book["gains"].find(line.row.id, f"gain {rule}")
        return borne(line) - gain - borne(line, "damage")

    note = tr(
        "Outlay: net cost in the plan of all. Pays in all: what a player bears alone, less its "
        "gain and its damage with all. To the others: what it pays on top of its outlay; a "
        "negative figure is what it gets."
    )
    if game.others is not None:
        note += " " + tr(
            "Transfers add up to what those who are no players bear more than without any company "
            "({others}).",
            others=game.others.name,
        )
    return Table(
        tr("What each pays with each rule ({unit})", unit=game.million),
        game.found.players,
        [
            Column(tr("Player"), lambda one: game.funder(one.id), "text"),
            money(tr("Net outlay with all"), lambda one: game.outlay(one.id), "outlay", like="paid",
                  total=True, formula=lambda line: borne(line, "outlay")),
            *by_rule(game, "pays", lambda of: of.pays_meur, group=tr("Pays in all"),
                     like="paid", total=True),
            *by_rule(game, "transfer", lambda of: of.transfer_meur,
                     lambda line, rule: line[f"pays {rule}"] - line["outlay"],
                     group=tr("Of that to the others"), like="paid", on=DETAIL, total=True),
            *(doc.deviation(f"pays {rule}", partial(pays, rule=rule), f"deviation {rule}")
              for rule in (one.rule for one in game.found.rules)),
        ],
        "payments",
        note,
        total=tr("All"),
    )  # fmt: skip


def verdicts(game: Game) -> Table:
    """Who would rather leave with each rule."""

    def eager(read: Callable[[results.Leaving], Any]) -> Callable[[SharingRule], Any]:
        return lambda rule: read(rule.leaving[0]) if rule.leaving else None

    def more(line: Line) -> Expression | None:
        rule: SharingRule = line.row
        if not rule.leaving:
            return None
        found, gain = line.book["gains"], f"gain {rule.rule}"
        group = rule.leaving[0].members
        gets = cell.total(*(found.find(id, gain) for id in group))
        return line.book["coalitions"].find(game.key(group), "worth") - gets

    columns = [
        Column(tr("Shared by"), lambda rule: rule_name(rule.rule), "text"),
        Column(tr("Would leave"), _core_word, "text"),
        Column(tr("Most eager"), eager(lambda group: game.group(group.members)), "text"),
        money(tr("Has more by leaving"), eager(lambda group: group.gain), "more", like="more"),
        money(tr("At most"), eager(lambda group: group.most), like="more"),
        doc.deviation("more", more),
    ]  # fmt: skip
    if game.found.sampling is None:
        keep = tr("Public money to keep all")
        columns += interval(keep, "contribution", "contribution", "contribution")
        note = tr(
            "Nobody: proven that no group would rather leave. Some group: at least one has more, "
            "by a plan that was found. Some group might: the proofs leave it open."
        )
    else:
        note = tr(
            "Some group: at least one has more, by a plan that was found. Open: of the groups that "
            "were solved none has; of the others nothing is known."
        )
    title = tr("Who would rather leave with each rule ({unit})", unit=game.million)
    return Table(title, game.found.rules, columns, "verdicts", note, chart=_leaving_chart(game))


def _core_word(rule: SharingRule) -> str:
    """Whether a rule leaves nobody better off outside, in a word or two."""
    if rule.core == "undecided":
        return tr("some group might") if rule.leaving else tr("open")
    return tr("nobody") if rule.core == "inside" else tr("some group")


def _leaving_chart(game: Game) -> Chart | None:
    rows = []
    for rule in game.found.rules:
        for eager in rule.leaving[:1]:
            more, most = eager.gain, eager.most
            told = more <= 0 or game.is_wide(Interval(low=more, value=more, high=most))
            ends = (more, more, most if told else more)
            rows.append(charts.Eager(rule_name(rule.rule), game.group(eager.members), ends))
    about = tr(
        "One bar a rule with which some group might leave, for the group that has most to gain by "
        "it. Where a thin line crosses zero, the proofs leave it open."
    )
    title = tr("What the group most eager to leave has more by leaving ({unit})", unit=game.million)
    drawn = Chart("leaving", title, about, lambda: charts.leaving(rows, game.million))
    return drawn if rows else None


# Groups


def chosen(game: Game) -> Table:
    """What each player bears alone, and its gain by the rule that the reader chooses."""
    rules = [f"gain {rule.rule}" for rule in game.found.rules]
    rows = [tr("Alone: damage and net cost"), *([tr("Gain by this rule")] if rules else [])]

    def column(place: int, id: str) -> Column:
        def formula(line: Line) -> Expression:
            if line.place == ALONE:
                return line.book["split-players"].find(id, "alone")
            found, ends = line.book["gains"], (rules[0], rules[-1])
            choice = line.book.choices[RULE]
            return cell.total_where(found.span(place, *ends), (found.head(*ends), choice))

        return sheet_only(game.funder(id), f"p {id}", formula, "money")

    columns = [column(place, id) for place, id in enumerate(game.players)]
    return Table("", rows, [Column("", str, "text"), *columns], "chosen", on=SHEET)


def coalitions(game: Game, some: Sequence[Coalition], on: Media) -> Table:
    """What groups gain by themselves, against what their members get by the chosen rule."""
    inner = [f"p {id}" for id in game.players]

    def inside(id: str) -> Column:
        return Column(game.funder(id), lambda one: float(id in one.members), "count", on=SHEET,
                      key=f"p {id}", width=13)  # fmt: skip

    def of_members(line: Line, row: int) -> Expression:
        above = line.book["chosen"]
        return cell.dot(line.span(inner[0], inner[-1]), above.span(row, inner[0], inner[-1]))

    def worth(line: Line) -> Expression:
        alone = of_members(line, ALONE)
        if game.others is not None:
            alone = alone + line.book["split-players"].find(OTHERS, "alone")
        return alone - line["found"]

    def gets(line: Line) -> Expression | None:
        return of_members(line, CHOSEN) if game.found.rules else None

    def more(line: Line) -> Expression | None:
        if not game.found.rules or len(line.row.members) == len(inner):
            return None  # all have nowhere to leave to
        return line["worth"] - line["gets"]

    def most(line: Line) -> Expression | None:
        return None if more(line) is None else line["more"] + line["found"] - line["bound"]

    second = any(one.worth_if_others_act is not None for one in some)
    acting = tr("Gain if the others act alone")
    columns = [
        Column(tr("Group"), lambda one: game.group(one.members), "text"),
        *map(inside, game.players),
        Column(tr("Players"), lambda one: len(one.members), "count"),
        *interval(tr("Gain"), "worth", "worth", "gain"),
        sheet_only(tr("Its share by the rule"), "gets", gets, "money"),
        sheet_only(tr("Has more by leaving"), "more", more, "money"),
        sheet_only(tr("At most"), "most", most, "money"),
        *([money(acting, "worth_if_others_act.value")] if second else []),
        money(tr("Their damage"), "damage", like="theirs"),
        money(tr("Their net cost"), "net_cost_meur", like="theirs"),
        money(tr("Spares the others"), "spillover", like="theirs"),
        money(tr("Both together"), "found", "found", on=SHEET),
        money(tr("No plan has less"), "bound", "bound", on=SHEET),
        doc.deviation("worth", worth),
        Column(
            tr("Builds"), lambda one: joined([*map(game.project, one.projects)]) or NONE, "text"
        ),
        doc.ids(tr("Id"), "id", lambda one: game.key(one.members)),
    ]
    return Table(
        tr("What groups gain by themselves ({unit})", unit=game.million),
        some,
        columns,
        "coalitions",
        tr(
            "Gain: against each member standing alone, while all others start nothing. Spares the "
            "others: by how much their mean damage falls without their doing."
        ),
        on=on,
        key=lambda one: game.key(one.members),
        freeze=1,
    )


def staying_out(game: Game) -> Table:
    """What each company has if it stays out while the others go on."""
    title = tr(
        "What each company gains by staying out, and by taking part ({unit})", unit=game.million
    )
    free, rule = game.found.free_riding, game.reference
    riders = [game.players[id] for id in free]
    columns = [
        Column(tr("Stays out"), lambda one: game.funder(one.id), "text"),
        *interval(tr("Gain of the others"), lambda one: free[one.id].others, "others", "others"),
        money(tr("Alone, nobody else acts"), "alone.value", "alone", like="borne", formula=borne),
        money(tr("Idle beside the others"), lambda one: free[one.id].idle, like="borne"),
        *interval(tr("Acting beside the others"), lambda one: free[one.id].acting, "acting",
                  "borne"),
        *interval(tr("Gain by staying out"), lambda one: free[one.id].gain, "gain", "gain"),
        doc.deviation("gain", lambda line: line["alone"] - line["acting"]),
    ]  # fmt: skip
    series = {tr("Stays out"): [_drawn(game, of.gain) for of in free.values()]}
    if rule is not None:
        key, name = f"gain {rule.rule}", rule_name(rule.rule)
        columns += [
            money(tr("Share: {rule}", rule=name), lambda one: game.share(one.id), "share",
                  like="gain", formula=lambda line: line.book["gains"].find(line.row.id, key)),
            money(tr("More than its share"),
                  lambda one: free[one.id].gain.value - game.share(one.id),
                  like="gain", formula=lambda line: line["gain"] - line["share"]),
        ]  # fmt: skip
        series[tr("Takes part: {rule}", rule=name)] = [(game.share(id),) * 3 for id in free]
    names = [*map(game.funder, free)]
    about = tr("One pair of bars a company. The figures are in the table below.")
    note = tr(
        "Alone, idle and acting: its damage and net cost. Gain by staying out: what it has more "
        "than standing alone with nobody acting, if it does what is best for itself beside the "
        "others."
    )
    chart = Chart("staying-out", title, about, lambda: charts.gains(names, series, game.million))
    return Table(title, riders, columns, "staying-out", note, chart=chart)


def outsiders(game: Game, second: results.Externality) -> Table:
    """What each bears and gains if outsiders act for themselves."""
    after, core = second.alone, second.core.members

    def own(header: str, of: doc.Of, key: str, like: str, **more: Any) -> Column:
        return money(header, of, key, like=like, total=True, **more)

    columns = [
        Column(tr("Player"), lambda one: game.funder(one.id), "text"),
        own(tr("Alone, nobody else acts"), "alone.value", "before", "borne", formula=borne),
        *interval(tr("Alone, all act alone"), lambda one: after[one.id], "after", "borne",
                  total=True),
        own(tr("Spared by the others"), lambda one: one.alone.value - after[one.id].value, "spared",
            "borne", formula=lambda line: line["before"] - line["after"]),
        own(tr("Gain by Shapley value"), lambda one: second.shapley[one.id], "shapley", "gain"),
        own(tr("Gain at the least core"), lambda one: core.get(one.id), "core", "gain"),
    ]  # fmt: skip
    title = tr("The same game with outsiders acting ({unit})", unit=game.million)
    note = tr("Damage and net cost if each does what is best for itself, and how all then share.")
    rows = [game.players[id] for id in after]
    return Table(title, rows, columns, "outsiders", note, total=tr("All"))
