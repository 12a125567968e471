"""What a disruption does, period by period, in the market alone and with a plan."""
