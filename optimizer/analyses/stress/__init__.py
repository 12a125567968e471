"""Stress tests: a given event, period by period, without a plan and with one."""
