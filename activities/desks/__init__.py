"""What runs and keepers ask of the outside, short look-ups: one desk for each matter."""
