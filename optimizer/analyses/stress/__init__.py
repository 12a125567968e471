"""Stress tests: a given event, period by period, with and without a plan."""
