"""Redaction: hiding figures of a scenario, the loss of objective, and what can be recovered."""
