"""Joint gain of companies and how to share it: the cooperative game of a scenario."""
