"""What the keeper's workflow carries its decisions out with."""
