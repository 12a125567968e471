"""Comparison of plans: what each achieves, what it costs, what it chooses, and how they differ."""
