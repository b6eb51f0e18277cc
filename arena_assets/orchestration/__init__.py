"""Dagster and nothing else: thin assets that fetch, call a pure function, apply the rules and return."""
