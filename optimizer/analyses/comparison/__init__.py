"""Plans side by side: what they buy, cost and choose, and in what they differ."""
