"""Alternatives: near-optimal plans that differ from a plan, and the robustness of each choice."""
