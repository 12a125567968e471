"""Comparison of plans: what they achieve, cost and choose, and how they differ."""
