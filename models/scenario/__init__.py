"""What a scenario says: materials, projects, stockpiles, funders, hazards and their rules."""
