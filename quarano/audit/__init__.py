"""Who did or saw what; knows nobody."""

# What quarano_app may only read and add to.
APPEND_ONLY = ["audit_event", "audit_seal"]
