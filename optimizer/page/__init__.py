"""A page on this machine on which people ask a scenario "and what if": a server, processes that
solve, and what is shown."""
