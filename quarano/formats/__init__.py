"""How dates are written where the languages differ from what Django brings."""
