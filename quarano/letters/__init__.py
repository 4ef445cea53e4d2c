"""Letters as PDF: form, fonts and the checks of a logo. Knows nobody's data."""
