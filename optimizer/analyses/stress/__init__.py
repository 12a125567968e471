"""What a disruption does, period by period, without a plan and with one."""
