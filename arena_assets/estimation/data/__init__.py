"""What the estimators work on, and how tables, rows and files become it."""
