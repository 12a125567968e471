"""The document of a split: the joint gain of companies, and how to share it."""

from collections.abc import Iterator
from dataclasses import replace

from models.language import tr
from models.results import Core, Interval, Split
from optimizer.analyses.split import rule_tables, tables
from optimizer.analyses.split.tables import SplitWording, rule_name
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
    """Build the document on a split: joint gain, sharing rules, coalitions that would leave, and
    free riding."""
    wording = SplitWording(result)
    bullets = Bullets([*_describe_stability(wording), *_describe_free_riding(wording)])
    return wording.build_document(
        tr("Vorrat: what joint action is worth, and how to share it"),
        [
            _describe_gain(wording),
            doc.Facts(list(_key_facts(wording)), media=PAGE),
            tables.joint_gain_table(wording),
            bullets,
            doc.Caution(_cautions(wording)),
        ],
        [
            *_game_sections(wording),
            Section(
                "method",
                tr("How it was computed"),
                list(_method_parts(wording)),
                media=PAGE_AND_SHEET,
            ),
            _certificate_section(wording),
        ],
        checks=list(tables.build_checks(wording)),
    )


def sections_for_plan_report(split: Split) -> tuple[list[Section], list[doc.Check]]:
    """Return a short section for the page of a plan, the sheets on the split, and their checks."""
    wording = SplitWording(split)
    page_parts: list[Part] = [
        _describe_gain(wording),
        _describe_public_money(wording),
        Bullets([*_describe_stability(wording), *_describe_free_riding(wording)]),
        *(
            [rule_tables.gains_table(wording), rule_tables.verdicts_table(wording)]
            if split.rules
            else []
        ),
        *_cautions(wording),
    ]
    title = tr("What joint action is worth, and how to share it")
    gain_section = Section("joint-gain", tr("What all gain"), [tables.joint_gain_table(wording)])
    sheets = [
        replace(section, media=SHEET)
        for section in (gain_section, *_game_sections(wording), _certificate_section(wording))
    ]
    return [Section("split", title, page_parts, media=PAGE), *sheets], list(
        tables.build_checks(wording)
    )


def _game_sections(wording: SplitWording) -> list[Section]:
    """Return the sections on the cooperative game, in the order in which partners ask about it."""
    plan_parts: list[Part] = [
        _describe_public_money(wording),
        tables.joint_projects_table(wording),
        tables.joint_stocks_table(wording),
    ]
    plan_parts.append(tables.outlay_table(wording))
    players_title = tr("What each bears, alone and with all ({unit})", unit=wording.money_unit)
    sharing_title, leaving_title = tr("Ways to share the gain"), tr("Who would rather leave")
    groups_title = tr("What groups gain by themselves")
    staying_out_title = tr("Staying out while the others go on")
    outsiders_title = tr("If outsiders act as well")
    leaving_parts: list[Part] = [
        _describe_core(wording),
        *([rule_tables.verdicts_table(wording)] if wording.result.rules else []),
    ]
    return [
        Section(id, title, section_parts, sheet_name=sheet_name)
        for id, sheet_name, title, section_parts in (
            ("together", tr("Joint plan"), tr("What all do together"), plan_parts),
            ("players", tr("Players"), players_title, [tables.players_table(wording)]),
            ("shares", tr("Sharing"), sharing_title, list(_sharing_parts(wording))),
            ("leaving", tr("Leaving"), leaving_title, leaving_parts),
            ("groups", tr("Groups"), groups_title, list(_group_parts(wording))),
            ("outside", tr("Staying out"), staying_out_title, list(_staying_out_parts(wording))),
            (
                "outsiders",
                tr("Outsiders acting"),
                outsiders_title,
                list(_acting_outsiders_parts(wording)),
            ),
        )
    ]


# The answer


def _describe_gain(wording: SplitWording) -> str:
    """Return sentences on the joint gain."""
    joint_gain, sentence_fields = wording.result.worth, {"everybody": wording.all_players_phrase}
    if joint_gain.value <= ZERO_TOLERANCE:
        return tr(
            "Together {everybody} gain nothing against each standing alone.", **sentence_fields
        )
    return tr(
        "Together {everybody} gain {worth}: damage and net cost of {before}, with each "
        "standing alone, fall to {after}.",
        **sentence_fields,
        worth=wording.amount_with_range(joint_gain),
        before=format_rounded(wording.total_cost_alone),
        after=format_rounded(wording.total_cost_alone - joint_gain.value),
    )


def _key_facts(wording: SplitWording) -> Iterator[doc.Fact]:
    split, alone = wording.result, wording.total_cost_alone
    detail = ""
    if alone > ZERO_TOLERANCE:
        detail = tr("{share} of the {alone} that they bear alone",
                    share=format_percent(split.worth.value / alone),
                    alone=wording.money_amount(alone))  # fmt: skip
    yield doc.Fact(tr("All gain together"), wording.money_amount(split.worth.value), detail)
    if split.rules:
        stable_rules = [rule_name(rule.rule) for rule in split.rules if rule.core == "inside"]
        count = tr(
            "{count} of {all}",
            count=format_number(len(stable_rules)),
            all=format_number(len(split.rules)),
        )
        yield doc.Fact(
            tr("Rules with which nobody would rather leave"), count, ", ".join(stable_rules)
        )
    if split.free_riding:
        companies, riders = wording.tempted_companies, split.free_riding
        count = tr(
            "{count} of {all}", count=format_number(len(companies)), all=format_number(len(riders))
        )
        names = join_with_and([*map(wording.funder_name, companies)])
        yield doc.Fact(tr("Companies that gain more by staying out"), count, names)


def _describe_public_money(wording: SplitWording) -> str:
    """Return sentences on the role of public money, and on its amount in the joint plan."""
    public_meur = wording.result.plan.public_meur
    meaning = tables.state_meaning(wording.state_mode)
    if abs(public_meur) <= ZERO_TOLERANCE or wording.state_mode == "none":
        return meaning
    net = tr(
        "When all act together, public funders bear {amount} net.",
        amount=wording.money_amount(public_meur),
    )
    return f"{meaning} {net}"


def _describe_stability(wording: SplitWording) -> Iterator[str]:
    """Yield sentences on whether the gain can be shared so that no coalition leaves, and on the
    rules that do so."""
    split = wording.result
    if split.worth.value <= ZERO_TOLERANCE:
        return
    yield _describe_core_emptiness(wording, split.core)
    by_verdict: dict[str, list[str]] = {"inside": [], "outside": [], "undecided": []}
    for rule in split.rules:
        by_verdict[rule.core].append(rule_name(rule.rule))
    rules_inside, rules_outside, rules_undecided = map(", ".join, by_verdict.values())
    if rules_inside:
        yield tr("No group would rather leave with: {rules}.", rules=rules_inside)
    if rules_outside:
        yield tr("Some group would rather leave with: {rules}.", rules=rules_outside)
    if rules_undecided and split.sampling is not None:
        yield tr(
            "No group that was solved would rather leave with: {rules}.", rules=rules_undecided
        )
    elif rules_undecided:
        yield tr("The proofs leave it open for: {rules}.", rules=rules_undecided)


def _describe_core_emptiness(wording: SplitWording, core: Core | None) -> str:
    """Return a sentence on whether the core is empty; ``core`` is None if not all coalitions were
    solved."""
    if core is None:
        return tr("Not all groups were solved: whether the gain can be shared so that all stay is "
                  "not known.")  # fmt: skip
    least_core = wording.amount_with_range(core.least_core)
    contribution = wording.amount_with_range(core.contribution)
    return {
        "not empty": tr("The gain can be shared so that no group would rather leave."),
        "undecided": tr("The proofs leave it open whether the gain can be shared so that no group "
                        "would rather leave."),
        "empty": tr("However the gain is shared, some group would have at least {least} more by "
                    "leaving; {contribution} of public money would make all stay.",
                    least=least_core, contribution=contribution),
    }[core.empty]  # fmt: skip


def _describe_core(wording: SplitWording, core: Core | None = None) -> str:
    """Return sentences on the core, the least core, and the coalitions that bind in it."""
    core = core or wording.result.core
    texts = [_describe_core_emptiness(wording, core)]
    if core is None:
        return texts[0]
    low, value, high = (getattr(core.least_core, end) for end in ("low", "value", "high"))
    if core.empty == "not empty" and value < -ZERO_TOLERANCE:
        margin = wording.amount_with_range(Interval(low=-high, value=-value, high=-low))
        texts.append(tr("At best every group would have {margin} less by leaving.", margin=margin))
    if core.binding:
        groups = "; ".join(map(wording.group_name, core.binding))
        texts.append(tr("Closest to leaving are then: {groups}.", groups=groups))
    return " ".join(texts)


def _describe_free_riding(wording: SplitWording) -> Iterator[str]:
    """Yield sentences on the companies that gain more by staying out than from their share."""
    if wording.reference_rule is None or not wording.result.free_riding:
        return
    rule = rule_name(wording.reference_rule.rule)
    names = join_with_and([*map(wording.funder_name, wording.tempted_companies)])
    if names:
        yield tr("Staying out while the others go on brings more than the share by the rule "
                 "“{rule}” to: {names}.", rule=rule, names=names)  # fmt: skip
    else:
        yield tr("No company gains more by staying out than the rule “{rule}” gives it.", rule=rule)


def _cautions(wording: SplitWording) -> list[str]:
    """Return cautions, for example on sampled values, on duties that were set aside, and on few
    states."""
    sampling, set_aside, cautions = wording.result.sampling, wording.result.set_aside, []
    if sampling is not None:
        cautions.append(
            tr(
                "The Shapley value is sampled: {orders} orders of joining, every second one the "
                "reverse of the one before, {coalitions} groups, seed {seed}; ranges are "
                "confidence intervals of {level}.",
                orders=format_number(sampling.orders),
                coalitions=format_number(sampling.coalitions),
                seed=str(sampling.seed),
                level=format_percent(sampling.level),
            )
        )
    if set_aside:
        duties = join_texts([_duty_name(wording, path) for path in set_aside])
        cautions.append(tr("Set aside, since no single group owes them: {duties}.", duties=duties))
    if names := _rules_naming_funders(wording):
        cautions.append(
            tr(
                "These rules name funders: {rules}. In a group without such a funder its amounts "
                "count as 0.",
                rules=join_texts(names),
            )
        )
    return [*cautions, *wording.few_states_caution()]


def _rules_naming_funders(wording: SplitWording) -> list[str]:
    """Return the titles of the user's rules that name funders and are not set aside."""
    rules = {} if wording.case is None else wording.case.policy.rules
    return [
        wording.user_rule_title(name)
        for name, rule in rules.items()
        if f"policy.rules.{name}" not in wording.result.set_aside
        if rule.level.where.funder or any(term.where.funder for term in rule.bound.sum)
    ]


def _duty_name(wording: SplitWording, path: str) -> str:
    """Return the name of a duty that was set aside, given its path in the scenario."""
    kind, _, subpath = path.partition(".")
    if kind == "stockpiles":
        stockpile = wording.name("stockpiles", subpath.rpartition(".")[0])
        return tr("days that a stockpile must last ({name})", name=stockpile)
    if subpath.startswith("rules."):
        return tr("the rule '{rule}'", rule=wording.user_rule_title(subpath.removeprefix("rules.")))
    return {
        "must_build": tr("projects that must be built"),
        "max_country_share": tr("the largest share of a single country"),
    }.get(subpath, path)


# Sections


def _sharing_parts(wording: SplitWording) -> Iterator[Part]:
    """Yield the gain of each player under each rule, and the payments that follow."""
    if not wording.result.rules:
        return
    yield tr(
        "A rule says how the gain of all is shared. What a player pays follows: what it bears "
        "alone, less its gain and its damage. Where that differs from its outlay in the plan of "
        "all, the players settle it among themselves."
    )
    yield Bullets([tables.rule_meaning(rule.rule) for rule in wording.result.rules])
    yield rule_tables.gains_table(wording)
    gains = [share.gain for rule in wording.result.rules for share in rule.members.values()]
    deviations = [tables.max_deviation(x) for x in gains if wording.is_wide_range(x)]
    if deviations:
        amount = wording.money_amount(max(deviations))
        yield tr(
            "Proofs, or the sample, leave these gains open by {amount} at most.", amount=amount
        )
    yield rule_tables.payments_table(wording)


def _group_parts(wording: SplitWording) -> Iterator[Part]:
    """Yield the value of each coalition; on a page, only of those with the largest gain."""
    split = wording.result
    larger_groups = [coalition for coalition in split.coalitions if len(coalition.members) > 1]
    ranked_coalitions = sorted(larger_groups, key=lambda coalition: -coalition.worth.value)[
        : rule_tables.MAX_PAGE_GROUPS
    ]
    if len(larger_groups) > len(ranked_coalitions):
        note = tr("The {shown} groups with most to gain, of {count}; a workbook of this split has "
                  "all.", shown=format_number(rule_tables.MAX_PAGE_GROUPS),
                  count=format_number(len(larger_groups)))  # fmt: skip
        yield doc.Text(note, PAGE)
    yield rule_tables.coalitions_table(wording, ranked_coalitions, PAGE)
    yield rule_tables.coalitions_table(wording, split.coalitions, SHEET)


def _staying_out_parts(wording: SplitWording) -> Iterator[Part]:
    """Yield the gain of each company that stays out."""
    if wording.result.free_riding:
        yield tr(
            "What others build and store also spares a company that pays nothing. Where it has "
            "more by that than its share of the joint gain, it is tempted to let the others pay."
        )
        yield rule_tables.staying_out_table(wording)


def _acting_outsiders_parts(wording: SplitWording) -> Iterator[Part]:
    """Yield the results of the game in which outsiders act for themselves."""
    externality = wording.result.externality
    if externality is not None:
        yield tr(
            "What one does alone also spares others damage. Where outsiders act, each for itself, "
            "all together gain {worth}.",
            worth=wording.amount_with_range(externality.worth),
        )
        yield _describe_core(wording, externality.core)
        yield rule_tables.acting_outsiders_table(wording, externality)


def _method_parts(wording: SplitWording) -> Iterator[Part]:
    """Yield explanations of the game and the sharing rules, with their limitations."""
    yield tr(
        "For a group of players the best plan is searched for that its members can carry by "
        "themselves: the one with the least mean damage and net cost of theirs, while all "
        "others start nothing. What a group gains is what its members bear alone, less what "
        "they bear together."
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
    """Return the section with the gaps, the number of states, program versions and the hash of the
    scenario."""
    split, plan = wording.result, wording.result.plan
    proof = wording.proof_table(
        (tr("Groups solved"), format_number(len(split.coalitions))),
        (tr("Largest gap"), format_small_percent(wording.largest_gap)),
        (tr("Objective of the plan of all"), format_rounded(plan.objective)),
        (tr("Bound"), format_rounded(plan.bound)),
        (tr("Gap"), format_small_percent(plan.gap)),
    )
    return Section("certificate", tr("What the split rests on"), [proof], sheet_name=tr("Split"))
