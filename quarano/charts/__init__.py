"""Drawings made on the server: numbers in, SVG out. Pure; no database, no clock.

Colours and widths of lines are classes, never styles (the CSP forbids them).
"""
