"""All that CockroachDB asks of us; no models."""
