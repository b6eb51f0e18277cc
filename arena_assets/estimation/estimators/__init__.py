"""The estimators: what they work on, what they give, and which function computes which."""
