"""Participation of a company: which share of one project, or of all projects of the plan, it should
take."""
