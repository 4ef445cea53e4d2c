"""What exists in demo mode only: the cast, ways in, the inbox, a clock that moves."""
