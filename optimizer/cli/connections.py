"""Connections of the server of the page: how many there are, and how long one may wait."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_HEAD_TIMEOUT, KEEP_ALIVE_SECONDS = 30, 75
"""Seconds that a new connection has for the head of its first request, and that one is kept after a
request: longer than proxies keep theirs."""
WANTED_DESCRIPTORS, RESERVED_DESCRIPTORS = 4096, 256
"""Descriptors that the server would have, and those of them that are not for connections."""
SPARE_SHARE = 0.05
"""Of the connections, those that requests leave free: /health is answered, and who is refused."""


class TimedConnection(H11Protocol):
    """A connection that ends where no whole request comes in time, which uvicorn does not see to.
    Where there are too many, the one that has waited longest gives way: one without any request
    yet, if there is one."""

    max_connections: ClassVar[int] = WANTED_DESCRIPTORS
    last_active: ClassVar[dict[TimedConnection, float]] = {}
    """All that are open, and when each was made or answered last."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self.last_active[self] = self.loop.time()
        if len(self.last_active) > self.max_connections:
            idle = [one for one in self.last_active if one.is_idle and one is not self] or [self]
            new = [one for one in idle if one.cycle is None]
            min(new or idle, key=lambda one: self.last_active[one]).drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self.last_active.pop(self, None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Note that an answer was sent."""
        if self in self.last_active:
            self.last_active[self] = self.loop.time()
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Whether no request has to be answered, and all answers have been received."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self.transport.get_write_buffer_size() == 0

    def drop(self) -> None:
        """Close the connection at once."""
        self.last_active.pop(self, None)
        self.transport.abort()

    @classmethod
    def close_stale(cls) -> None:
        """Close those that have waited for too long."""
        for one, since in list(cls.last_active.items()):
            patience = REQUEST_HEAD_TIMEOUT if one.cycle is None else KEEP_ALIVE_SECONDS
            if one.is_idle and one.loop.time() - since > patience:
                one.drop()


def raise_connection_limit() -> int:
    """How many connections descriptors suffice for, once there are as many as one may have."""
    try:
        import resource
    except ImportError:  # on Windows nothing limits them
        return WANTED_DESCRIPTORS
    now, may = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if may == resource.RLIM_INFINITY else min(may, WANTED_DESCRIPTORS)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, may))
    return max(wanted - RESERVED_DESCRIPTORS, wanted // 2)
