"""Exact arithmetic on text: numbers, the functions on them, and the parser of expressions."""
