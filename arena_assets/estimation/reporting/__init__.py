"""What the analysis knows beside the estimates, as tables: computed here once, elsewhere only read."""
