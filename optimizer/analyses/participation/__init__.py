"""Participation of a company: its share in one project, or in all projects of the plan."""
