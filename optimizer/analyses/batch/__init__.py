"""Batches: many scenarios, variants and settings that are solved in parallel."""
