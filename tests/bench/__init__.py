"""Measures Parlor against its budgets: `python -m tests.bench [--quick]`; see README.md."""
