"""Who takes part in the game: companies, the state, and what is whose."""

from dataclasses import dataclass
from functools import cached_property

from models.base import display_name
from models.files import LoadedScenario
from models.language import tr
from models.results import PublicMoneyMode
from optimizer.errors import VorratError
from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.solve.problem import read_instance_and_states

STATE_ID = "state"
"""Id of the state as a player; a company of this id makes it ``state.``, as no id has a dot."""

MAX_PLAYERS = 62
"""More players than this do not fit into a mask."""


class NoCooperativeGame(VorratError):
    """A scenario that has no game in it."""

    exit_code = 2


@dataclass(frozen=True)
class GamePlayer:
    """A player: whose money and whose damage are its own."""

    id: str
    name: str
    is_state: bool
    funders: tuple[str, ...]
    consumers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CoalitionGame:
    """The players of a scenario around one table, in one problem.

    A coalition is a bit mask over ``seats``. What belongs to no player: private funders, who take
    part in every coalition and whose cost counts there, and, unless it is a player, the state.
    """

    instance: Instance
    states: tuple[State, ...]
    state_mode: PublicMoneyMode
    players: tuple[GamePlayer, ...]
    state_player: GamePlayer
    """All public funders, and the consumers that no company stands for."""
    set_aside: tuple[str, ...]
    """Duties of the scenario that no single coalition owes."""

    @cached_property
    def grand_coalition(self) -> int:
        """The mask of all players."""
        return (1 << len(self.players)) - 1

    @cached_property
    def company_mask(self) -> int:
        """The mask of all companies."""
        return sum(1 << n for n, seat in enumerate(self.players) if not seat.is_state)

    def members_of(self, mask: int) -> tuple[GamePlayer, ...]:
        """The players in a coalition."""
        return tuple(seat for n, seat in enumerate(self.players) if mask >> n & 1)

    @cached_property
    def private_funders(self) -> tuple[str, ...]:
        """Funders who are neither companies nor public."""
        return tuple(f for f, x in self.instance.case.funders.items() if x.kind == "private")

    def public_funders_act(self, mask: int) -> bool:
        """Whether public funders take part when a coalition acts."""
        if self.state_mode == "player":
            return any(seat.is_state for seat in self.members_of(mask))
        return self.state_mode in ("every", "gift") or (
            self.state_mode == "joint" and mask == self.grand_coalition
        )


def read_game(reading: LoadedScenario, mode: PublicMoneyMode) -> CoalitionGame:
    """The game of a scenario: damage and cost count alike, tonnes belong to those who paid for
    them, and what no coalition owes by itself is set aside.

    Raises NoGame without two companies, or with more players than can be counted, and ScenarioError
    if the scenario does not allow what the game needs, such as damage in money.
    """
    case = reading.case
    piles = [f"stockpiles.{h.id}.min_days_of_demand" for h in case.stockpiles
             if h.min_days_of_demand is not None]  # fmt: skip
    aside = {"policy.must_build": "[]"} if case.policy.must_build else {}
    if case.policy.max_country_share is not None:
        aside["policy.max_country_share"] = "null"
    aside |= dict.fromkeys(piles, "null")
    settings = ["objective.measure=damage", "objective.allocation=entitled",
                "objective.cost_weight=1", "objective.cvar.weight=0"]  # fmt: skip
    settings += [f"{path}={value}" for path, value in aside.items()]
    instance, states = read_instance_and_states(reading.with_settings(settings).case)
    state, seats = _state_player(instance), _company_players(instance)
    if mode == "player":
        seats.append(state)
    return CoalitionGame(instance, states, mode, tuple(seats), state, tuple(aside))


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
    own = tuple(u for u, consumer in case.consumers.items() if consumer.company is None)
    id = f"{STATE_ID}." if STATE_ID in case.funders else STATE_ID
    return GamePlayer(id, tr("The state"), True, instance.public_funders, own)
