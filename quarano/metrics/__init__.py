"""What the operators' monitoring may know: times, counts and ages, never of whom.

Each web process keeps what it measures itself (`requests`), jobs and repeated
transactions are tallied in Redis (`tallies`), the rest is asked of the database once a
minute (`installation`). `/metrics/` shows all three, `/healthz/` and `/readyz/` answer
in one word (`probes`).
"""
