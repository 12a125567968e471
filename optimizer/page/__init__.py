"""The page on which users ask what-if questions about a scenario: its server, the solver processes,
and its content."""
