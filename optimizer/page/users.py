"""The users of a server. Each has separate files, tabs and questions, which are removed after the
user has left."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote
from weakref import WeakValueDictionary

from models.language import Language
from optimizer.page.isolated_reader import IsolatedReader
from optimizer.page.scenario_store import ScenarioStore
from optimizer.page.solver_pool import ServerBusy, SolverPool
from optimizer.page.user_session import UserSession

MAX_TABS_PER_USER = 20
"""Maximal number of tabs that are kept of one user."""
MAX_USERS = 500
"""Maximal number of users at one time."""
MAX_OWN_READINGS = 4
"""Number of parsed uploads that are kept of one user."""
FORGET_AFTER_SECONDS = 1800.0
"""Seconds without an open page after which the uploads and questions of a user are removed."""
CHECK_SECONDS = 5.0  # seconds between two checks for absent users


@dataclass
class Users:
    """The sessions of all users, by the name that the proxy states."""

    shared_scenarios: ScenarioStore
    """Scenarios that all users have."""
    language: Language
    solvers: SolverPool
    forget_after: float = FORGET_AFTER_SECONDS
    _sessions: dict[str, UserSession] = field(default_factory=dict)
    _read_slots: WeakValueDictionary[str, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary[str, asyncio.Semaphore]
    )
    """Semaphore for the reading of each user; it outlives a session that was forgotten
    meanwhile."""
    _upload_reader: IsolatedReader = field(default_factory=IsolatedReader)
    """Reads uploads, so that they do not delay the reading of shared files."""

    def session(self, user: str) -> UserSession:
        """Return the session of a user, and create it if needed. Raises ServerBusy if there are too
        many users."""
        if user not in self._sessions:
            if len(self._sessions) >= MAX_USERS:
                raise ServerBusy
            # Escaped, so that no name followed by a slash is a prefix of another name.
            name = quote(user, safe="")
            store = ScenarioStore(self.shared_scenarios, MAX_OWN_READINGS, self._upload_reader)
            read_slot = self._read_slots.setdefault(user, asyncio.Semaphore(1))
            self._sessions[user] = UserSession(
                store, self.language, self.solvers, name, MAX_TABS_PER_USER, read_slot
            )
        return self._sessions[user]

    async def forget(self, user: str) -> None:
        """Remove the session of a user, with all uploads and questions."""
        if (session := self._sessions.pop(user, None)) is not None:
            await session.forget()

    async def forget_absent(self) -> None:
        """Remove the sessions of users who have left, again and again while the server runs."""
        while True:
            await asyncio.sleep(min(CHECK_SECONDS, self.forget_after))
            for user, session in list(self._sessions.items()):
                if session.unseen_seconds > self.forget_after:
                    with suppress(OSError):  # a file that cannot be removed must not end the loop
                        await self.forget(user)

    def end_all(self) -> None:
        """End all event streams, and remove all uploads."""
        for session in self._sessions.values():
            session.end_streams()
            with suppress(OSError):
                session.store.close()
