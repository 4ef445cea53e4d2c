"""Who was at an event: read from whatever came, looked at, and taken in."""
