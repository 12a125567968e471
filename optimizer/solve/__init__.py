"""From a problem to a checked plan: two exact methods, their check, and why there may be none."""
