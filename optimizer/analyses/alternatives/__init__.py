"""Near-optimal alternatives to a plan, and the robustness of each choice."""
