"""Redaction: hiding figures of a scenario, the loss of objective that results, and attempts to
recover the figures."""
