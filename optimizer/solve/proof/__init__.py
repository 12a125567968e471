"""Proofs of bounds that do not depend on this program: the last first-stage program with its cuts,
as files that any solver reads, and their verification by another solver."""
