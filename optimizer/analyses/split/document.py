"""What joint action is worth to the companies, and how it may be shared, as a document."""

from collections.abc import Iterator
from dataclasses import replace

from models.language import tr
from models.results import Core, Interval, Split
from optimizer.analyses.split import rule_tables, split_wording, tables
from optimizer.analyses.split.split_wording import SplitWording, rule_name
from optimizer.report import document as doc
from optimizer.report.document import PAGE, PAGE_AND_SHEET, SHEET, Bullets, Part, Section
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
)
from optimizer.report.wording import join_texts, join_with_and


def build_document(result: Split) -> doc.Document:
    """What all gain, how it may be shared, who would rather leave, and who would stay out."""
    game = SplitWording(result)
    bullets = Bullets([*_describe_stability(game), *_describe_free_riding(game)])
    return game.build_document(
        tr("Vorrat: what joint action is worth, and how to share it"),
        [
            _describe_gain(game),
            doc.Facts(list(_key_facts(game)), media=PAGE),
            tables.joint_gain_table(game),
            bullets,
            doc.Caution(_cautions(game)),
        ],
        [
            *_game_sections(game),
            Section(
                "method", tr("How it was computed"), list(_method_parts(game)), media=PAGE_AND_SHEET
            ),
            _certificate_section(game),
        ],
        checks=tables.build_checks(game),
        money_amounts=[player.alone.value for player in result.players],
    )


def sections_for_plan_report(split: Split) -> tuple[list[Section], list[doc.Check]]:
    """A split in short on the page of a plan of its scenario, its sheets in the workbook, and what
    must add up there."""
    game = SplitWording(split)
    short: list[Part] = [
        _describe_gain(game),
        _describe_public_money(game),
        Bullets([*_describe_stability(game), *_describe_free_riding(game)]),
        *([rule_tables.gains_table(game), rule_tables.verdicts_table(game)] if split.rules else []),
        *_cautions(game),
    ]
    title = tr("What joint action is worth, and how to share it")
    gain = Section("joint-gain", tr("What all gain"), [tables.joint_gain_table(game)])
    sheets = [
        replace(one, media=SHEET)
        for one in (gain, *_game_sections(game), _certificate_section(game))
    ]
    return [Section("split", title, short, media=PAGE), *sheets], tables.build_checks(game)


def _game_sections(wording: SplitWording) -> list[Section]:
    """The sections on the game itself, in the order in which partners ask."""
    plan: list[Part] = [
        _describe_public_money(wording),
        tables.joint_projects_table(wording),
        tables.joint_stocks_table(wording),
    ]
    plan.append(tables.outlay_table(wording))
    bearing = tr("What each bears, alone and with all ({unit})", unit=wording.money_unit)
    sharing, leave = tr("Ways to share the gain"), tr("Who would rather leave")
    alone, out = tr("What groups gain by themselves"), tr("Staying out while the others go on")
    acting = tr("If outsiders act as well")
    leaving: list[Part] = [
        _describe_core(wording),
        *([rule_tables.verdicts_table(wording)] if wording.result.rules else []),
    ]
    return [
        Section(id, title, parts, sheet_name=tab)
        for id, tab, title, parts in (
            ("together", tr("Joint plan"), tr("What all do together"), plan),
            ("players", tr("Players"), bearing, [tables.players_table(wording)]),
            ("shares", tr("Sharing"), sharing, list(_sharing_parts(wording))),
            ("leaving", tr("Leaving"), leave, leaving),
            ("groups", tr("Groups"), alone, list(_group_parts(wording))),
            ("outside", tr("Staying out"), out, list(_staying_out_parts(wording))),
            ("outsiders", tr("Outsiders acting"), acting, list(_acting_outsiders_parts(wording))),
        )
    ]


# The answer


def _describe_gain(wording: SplitWording) -> str:
    """What all gain together."""
    worth, who = wording.result.worth, {"everybody": wording.all_players_phrase}
    if worth.value <= ZERO_TOLERANCE:
        return tr("Together {everybody} gain nothing against each standing alone.", **who)
    return tr(
        "Together {everybody} gain {worth}: damage and net cost of {before}, with each "
        "standing alone, fall to {after}.",
        **who,
        worth=wording.amount_with_range(worth),
        before=format_rounded(wording.total_cost_alone),
        after=format_rounded(wording.total_cost_alone - worth.value),
    )


def _key_facts(wording: SplitWording) -> Iterator[doc.Fact]:
    split, alone = wording.result, wording.total_cost_alone
    beside = ""
    if alone > ZERO_TOLERANCE:
        beside = tr("{share} of the {alone} that they bear alone",
                    share=format_percent(split.worth.value / alone), alone=wording.money_amount(alone))  # fmt: skip
    yield doc.Fact(tr("All gain together"), wording.money_amount(split.worth.value), beside)
    if split.rules:
        kept = [rule_name(rule.rule) for rule in split.rules if rule.core == "inside"]
        count = tr(
            "{count} of {all}", count=format_number(len(kept)), all=format_number(len(split.rules))
        )
        yield doc.Fact(tr("Rules with which nobody would rather leave"), count, ", ".join(kept))
    if split.free_riding:
        out, all_ = wording.tempted_companies, split.free_riding
        count = tr("{count} of {all}", count=format_number(len(out)), all=format_number(len(all_)))
        names = join_with_and([*map(wording.funder_name, out)])
        yield doc.Fact(tr("Companies that gain more by staying out"), count, names)


def _describe_public_money(wording: SplitWording) -> str:
    """How public money stands in the game, and how much it is when all act together."""
    public, told = wording.result.plan.public_meur, split_wording.state_meaning(wording.state_mode)
    if abs(public) <= ZERO_TOLERANCE or wording.state_mode == "none":
        return told
    net = tr(
        "When all act together, public funders bear {amount} net.",
        amount=wording.money_amount(public),
    )
    return f"{told} {net}"


def _describe_stability(wording: SplitWording) -> Iterator[str]:
    """Whether the gain can be shared so that all stay, and which rules do that."""
    split = wording.result
    if split.worth.value <= ZERO_TOLERANCE:
        return
    yield _describe_core_emptiness(wording, split.core)
    by_verdict: dict[str, list[str]] = {"inside": [], "outside": [], "undecided": []}
    for rule in split.rules:
        by_verdict[rule.core].append(rule_name(rule.rule))
    inside, outside, undecided = map(", ".join, by_verdict.values())
    if inside:
        yield tr("No group would rather leave with: {rules}.", rules=inside)
    if outside:
        yield tr("Some group would rather leave with: {rules}.", rules=outside)
    if undecided and split.sampling is not None:
        yield tr("No group that was solved would rather leave with: {rules}.", rules=undecided)
    elif undecided:
        yield tr("The proofs leave it open for: {rules}.", rules=undecided)


def _describe_core_emptiness(wording: SplitWording, core: Core | None) -> str:
    """Whether the core is empty, and what follows; None where not all groups were solved."""
    if core is None:
        return tr("Not all groups were solved: whether the gain can be shared so that all stay is "
                  "not known.")  # fmt: skip
    least, contribution = (
        wording.amount_with_range(core.least_core),
        wording.amount_with_range(core.contribution),
    )
    return {
        "not empty": tr("The gain can be shared so that no group would rather leave."),
        "undecided": tr("The proofs leave it open whether the gain can be shared so that no group "
                        "would rather leave."),
        "empty": tr("However the gain is shared, some group would have at least {least} more by "
                    "leaving; {contribution} of public money would make all stay.",
                    least=least, contribution=contribution),
    }[core.empty]  # fmt: skip


def _describe_core(wording: SplitWording, core: Core | None = None) -> str:
    """The core, the least core, and who is closest to leaving there."""
    core = core or wording.result.core
    told = [_describe_core_emptiness(wording, core)]
    if core is None:
        return told[0]
    low, value, high = (getattr(core.least_core, end) for end in ("low", "value", "high"))
    if core.empty == "not empty" and value < -ZERO_TOLERANCE:
        margin = wording.amount_with_range(Interval(low=-high, value=-value, high=-low))
        told.append(tr("At best every group would have {margin} less by leaving.", margin=margin))
    if core.binding:
        groups = "; ".join(map(wording.group_name, core.binding))
        told.append(tr("Closest to leaving are then: {groups}.", groups=groups))
    return " ".join(told)


def _describe_free_riding(wording: SplitWording) -> Iterator[str]:
    """Who gains more by staying out than by a share."""
    if wording.reference_rule is None or not wording.result.free_riding:
        return
    rule, names = (
        rule_name(wording.reference_rule.rule),
        join_with_and([*map(wording.funder_name, wording.tempted_companies)]),
    )
    if names:
        yield tr("Staying out while the others go on brings more than the share by the rule "
                 "“{rule}” to: {names}.", rule=rule, names=names)  # fmt: skip
    else:
        yield tr("No company gains more by staying out than the rule “{rule}” gives it.", rule=rule)


def _cautions(wording: SplitWording) -> list[str]:
    """What must be read with the answer: a sample, duties that were set aside, few states."""
    drawn, aside, told = wording.result.sampling, wording.result.set_aside, []
    if drawn is not None:
        told.append(
            tr(
                "The Shapley value is sampled: {orders} orders of joining, every second one the "
                "reverse of the one before, {coalitions} groups, seed {seed}; ranges are "
                "confidence intervals of {level}.",
                orders=format_number(drawn.orders),
                coalitions=format_number(drawn.coalitions),
                seed=str(drawn.seed),
                level=format_percent(drawn.level),
            )
        )
    if aside:
        duties = join_texts([_duty_name(wording, path) for path in aside])
        told.append(tr("Set aside, since no single group owes them: {duties}.", duties=duties))
    return [*told, *wording.few_states_caution()]


def _duty_name(wording: SplitWording, path: str) -> str:
    """A duty of the scenario by its path."""
    kind, _, rest = path.partition(".")
    if kind == "stockpiles":
        pile = wording.name("stockpiles", rest.rpartition(".")[0])
        return tr("days that a stockpile must last ({name})", name=pile)
    return {
        "must_build": tr("projects that must be built"),
        "max_country_share": tr("the largest share of a single country"),
    }.get(rest, path)


# Sections


def _sharing_parts(wording: SplitWording) -> Iterator[Part]:
    """What each rule leaves to each player, what it pays for that, and to whom."""
    if not wording.result.rules:
        return
    yield tr(
        "A rule says how the gain of all is shared. What a player pays follows: what it bears "
        "alone, less its gain and its damage. Where that differs from its outlay in the plan of "
        "all, the players settle it among themselves."
    )
    yield Bullets([split_wording.rule_meaning(rule.rule) for rule in wording.result.rules])
    yield rule_tables.gains_table(wording)
    gains = [share.gain for rule in wording.result.rules for share in rule.members.values()]
    wide = [split_wording.max_deviation(gain) for gain in gains if wording.is_wide_range(gain)]
    if wide:
        amount = wording.money_amount(max(wide))
        yield tr(
            "Proofs, or the sample, leave these gains open by {amount} at most.", amount=amount
        )
    yield rule_tables.payments_table(wording)


def _group_parts(wording: SplitWording) -> Iterator[Part]:
    """The worth of each group; on a page, of those with most to gain."""
    split = wording.result
    if split.rules:
        choose = tr(
            "Choose a rule in the yellow cell: gains of the players, shares of the groups, and "
            "what a group has more by leaving follow. 1: the player is in the group."
        )
        names = [rule_name(rule.rule) for rule in split.rules]
        yield doc.Text(choose, SHEET)
        yield doc.DropDown(rule_tables.RULE_CHOICE, tr("Shared by"), names)
    yield rule_tables.chosen_rule_table(wording)
    several = [one for one in split.coalitions if len(one.members) > 1]
    ranked = sorted(several, key=lambda one: -one.worth.value)[: rule_tables.MAX_PAGE_GROUPS]
    if len(several) > len(ranked):
        some = tr("The {shown} groups with most to gain, of {count}; a workbook of this split has "
                  "all.", shown=format_number(rule_tables.MAX_PAGE_GROUPS), count=format_number(len(several)))  # fmt: skip
        yield doc.Text(some, PAGE)
    yield rule_tables.coalitions_table(wording, ranked, PAGE)
    yield rule_tables.coalitions_table(wording, split.coalitions, SHEET)


def _staying_out_parts(wording: SplitWording) -> Iterator[Part]:
    """What companies have by staying out."""
    if wording.result.free_riding:
        yield tr(
            "What others build and store also spares a company that pays nothing. Where it has "
            "more by that than its share of the joint gain, it is tempted to let the others pay."
        )
        yield rule_tables.staying_out_table(wording)


def _acting_outsiders_parts(wording: SplitWording) -> Iterator[Part]:
    """The game in which outsiders act for themselves."""
    second = wording.result.externality
    if second is not None:
        yield tr(
            "What one does alone also spares others damage. Where outsiders act, each for itself, "
            "all together gain {worth}.",
            worth=wording.amount_with_range(second.worth),
        )
        yield _describe_core(wording, second.core)
        yield rule_tables.acting_outsiders_table(wording, second)


def _method_parts(wording: SplitWording) -> Iterator[Part]:
    """The game, the rules and their limits, in plain words."""
    yield tr(
        "For a group of players the best plan is sought that its members can carry by themselves: "
        "the one with the least mean damage and net cost of theirs, while all others start "
        "nothing. What a group gains is what its members bear alone, less what they bear together."
    )
    yield tr(
        "A plan is found and a bound is proven for each group; a gain lies between what both "
        "leave open. A range holds whatever the best plans are; where it decides a question, the "
        "answer is proven."
    )
    if wording.result.core is not None:
        yield tr(
            "The least core is the way to share at which the group with most to gain by leaving "
            "has as little as possible by it (Maschler, Peleg and Shapley 1979). Public money that "
            "keeps all is the cost of stability (Bachrach and others 2009)."
        )
    yield doc.Heading(tr("What it cannot say"))
    yield Bullets(
        [
            tr("Transfers are certain amounts that are settled beforehand; who bears which risk is "
               "not asked."),
            tr("Gains are means over the states of the world; a single state may fall otherwise."),
            tr("Groups are free to form, and talks cost nothing; what cartel law allows is not "
               "asked."),
        ]
    )  # fmt: skip


def _certificate_section(wording: SplitWording) -> Section:
    """Gaps, states, versions and hash."""
    split, plan = wording.result, wording.result.plan
    proof = wording.proof_table(
        (tr("Groups solved"), format_number(len(split.coalitions))),
        (tr("Largest gap"), format_small_percent(wording.largest_gap)),
        (tr("Objective of the plan of all"), format_rounded(plan.objective)),
        (tr("Bound"), format_rounded(plan.bound)),
        (tr("Gap"), format_small_percent(plan.gap)),
    )
    return Section("certificate", tr("What the split rests on"), [proof], sheet_name=tr("Split"))
