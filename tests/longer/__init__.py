"""Bars that take minutes or hours: `make bars`, before a release."""
