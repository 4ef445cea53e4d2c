"""What walks over all of a person's rows."""
