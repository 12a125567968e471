"""What a company gets for its share: sentences and sections of participations."""
