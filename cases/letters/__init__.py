"""Letters: written into the outbox, printed in runs by officials, posted, proved."""
