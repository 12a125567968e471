"""Connections of the page's server: how many may be open, and how long one may be idle."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_HEAD_TIMEOUT, KEEP_ALIVE_SECONDS = 30, 75
"""Seconds that a new connection has for the head of its first request, and that a connection is
kept after a request: longer than proxies keep theirs."""
WANTED_DESCRIPTORS, RESERVED_DESCRIPTORS = 4096, 256
"""File descriptors that the server asks for, and how many of them are reserved for other purposes
than connections."""
SPARE_SHARE = 0.05
"""Share of connections that requests leave free, so that /health and refusals are still
answered."""


class TimedConnection(H11Protocol):
    """An HTTP connection with time limits, which uvicorn does not provide. If there are more
    connections than allowed, the one that has been idle longest is closed, first among those that
    never had a request; if none is idle, the new one is closed."""

    max_connections: ClassVar[int] = WANTED_DESCRIPTORS
    last_active: ClassVar[dict[TimedConnection, float]] = {}
    """All open connections, with the time of their opening or of their last response."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register a connection, and close an idle one if there are too many."""
        super().connection_made(transport)
        self.last_active[self] = self.loop.time()
        if len(self.last_active) > self.max_connections:
            candidates = [c for c in self.last_active if c.is_idle and c is not self] or [self]
            without_request = [c for c in candidates if c.cycle is None]
            min(without_request or candidates, key=lambda c: self.last_active[c]).drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove a closed connection from the register."""
        self.last_active.pop(self, None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Record the time at which a response was completed."""
        if self in self.last_active:
            self.last_active[self] = self.loop.time()
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Return whether no request is being answered and the client has received all responses."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self.transport.get_write_buffer_size() == 0

    def drop(self) -> None:
        """Close the connection at once."""
        self.last_active.pop(self, None)
        self.transport.abort()

    @classmethod
    def close_stale(cls) -> None:
        """Close all connections that have been idle longer than the time limit."""
        for connection, since in list(cls.last_active.items()):
            timeout = REQUEST_HEAD_TIMEOUT if connection.cycle is None else KEEP_ALIVE_SECONDS
            if connection.is_idle and connection.loop.time() - since > timeout:
                connection.drop()


def raise_connection_limit() -> int:
    """Raise this process's limit of file descriptors as far as the system allows. Return the number
    of connections for which it suffices."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return WANTED_DESCRIPTORS
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted_descriptors = WANTED_DESCRIPTORS
    if hard_limit != resource.RLIM_INFINITY:
        wanted_descriptors = min(hard_limit, wanted_descriptors)
    if soft_limit != resource.RLIM_INFINITY and soft_limit < wanted_descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted_descriptors, hard_limit))
    return max(wanted_descriptors - RESERVED_DESCRIPTORS, wanted_descriptors // 2)
