"""Players of the cooperative game: companies and the state, with funders and consumers."""

from dataclasses import dataclass
from functools import cached_property

from models.base import display_name
from models.files import LoadedScenario
from models.language import tr
from models.results import PublicMoneyMode
from optimizer.errors import VorratError
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import State
from optimizer.model.user_rule_values import user_rule_values
from optimizer.solve.problem import read_instance_and_states

STATE_ID = "state"
"""Id of the state as a player; ``state.`` if a company has this id, as ids contain no dots."""

MAX_PLAYERS = 62
"""A mask of 64 bits holds no more players."""


class NoCooperativeGame(VorratError):
    """Error: a scenario has no cooperative game."""

    exit_code = 2


@dataclass(frozen=True)
class GamePlayer:
    """A player of the game, with the funders and consumers that belong to it."""

    id: str
    name: str
    is_state: bool
    funders: tuple[str, ...]
    consumers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CoalitionGame:
    """The cooperative game of a scenario.

    A coalition is a bit mask over ``players``. The state is a player only if ``state_mode`` is
    ``player``. Private funders are not players: they take part in every coalition, and their cost
    is part of the coalition's cost.
    """

    instance: Instance
    states: tuple[State, ...]
    state_mode: PublicMoneyMode
    players: tuple[GamePlayer, ...]
    state_player: GamePlayer
    """All public funders, and the consumers that belong to no company."""
    set_aside: tuple[str, ...]
    """Duties of the scenario that no single coalition owes, by path."""

    @cached_property
    def grand_coalition(self) -> int:
        """The mask of the coalition of all players."""
        return (1 << len(self.players)) - 1

    @cached_property
    def company_mask(self) -> int:
        """The mask of the coalition of all companies."""
        return sum(1 << n for n, player in enumerate(self.players) if not player.is_state)

    def members_of(self, mask: int) -> tuple[GamePlayer, ...]:
        """Return the players in the coalition with this mask."""
        return tuple(player for n, player in enumerate(self.players) if mask >> n & 1)

    @cached_property
    def private_funders(self) -> tuple[str, ...]:
        """The ids of funders that are neither companies nor public."""
        return tuple(f for f, x in self.instance.case.funders.items() if x.kind == "private")

    def public_funders_act(self, mask: int) -> bool:
        """Return whether public funders take part in the coalition with this mask."""
        if self.state_mode == "player":
            return any(player.is_state for player in self.members_of(mask))
        return self.state_mode in ("every", "gift") or (
            self.state_mode == "joint" and mask == self.grand_coalition
        )


def read_game(loaded_scenario: LoadedScenario, mode: PublicMoneyMode) -> CoalitionGame:
    """Read the cooperative game of a scenario.

    Damage and cost have equal weight, supply is allocated to those who paid for it, and duties that
    no single coalition owes are set aside. Raises NoCooperativeGame if there are fewer than two
    companies or too many players, and ScenarioError if the scenario does not allow what the game
    requires, for example damage in money.
    """
    case = loaded_scenario.case
    stockpile_paths = [f"stockpiles.{h.id}.min_days_of_demand" for h in case.stockpiles
             if h.min_days_of_demand is not None]  # fmt: skip
    set_aside = {"policy.must_build": "[]"} if case.policy.must_build else {}
    if case.policy.max_country_share is not None:
        set_aside["policy.max_country_share"] = "null"
    set_aside |= dict.fromkeys(stockpile_paths, "null")
    # A plan without any decision has to keep what is left, since a coalition may have no other.
    without_plan = user_rule_values(read_instance(case), Commitment())
    owed = dict.fromkeys(x.row.rule for x in without_plan if x.is_broken)
    set_aside |= {f"policy.rules.{name}": "null" for name in owed}
    settings = ["objective.measure=damage", "objective.allocation=entitled",
                "objective.cost_weight=1", "objective.cvar.weight=0"]  # fmt: skip
    settings += [f"{path}={value}" for path, value in set_aside.items()]
    instance, states = read_instance_and_states(loaded_scenario.with_settings(settings).case)
    state, players = _state_player(instance), _company_players(instance)
    if mode == "player":
        players.append(state)
    return CoalitionGame(instance, states, mode, tuple(players), state, tuple(set_aside))


def _company_players(instance: Instance) -> list[GamePlayer]:
    case = instance.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if not 2 <= len(companies) < MAX_PLAYERS:
        raise NoCooperativeGame(
            tr(
                "A split needs 2 to {most} funders of kind company; this scenario has {number}.",
                most=MAX_PLAYERS - 1,
                number=len(companies),
            )
        )
    return [
        GamePlayer(
            f,
            display_name(case.funders[f].name, f),
            False,
            (f,),
            tuple(u for u, consumer in case.consumers.items() if consumer.company == f),
        )
        for f in companies
    ]


def _state_player(instance: Instance) -> GamePlayer:
    case = instance.case
    consumers = tuple(u for u, consumer in case.consumers.items() if consumer.company is None)
    id = f"{STATE_ID}." if STATE_ID in case.funders else STATE_ID
    return GamePlayer(id, tr("The state"), True, instance.public_funders, consumers)
