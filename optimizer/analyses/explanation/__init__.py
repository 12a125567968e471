"""Explanation of a plan: regret of each decision, binding rules and values of limits."""
