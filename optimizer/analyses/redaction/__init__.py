"""Hiding figures of a scenario: what the answer loses, and what can be recovered all the same."""
