"""Data in and out: logs of other tools become tables, tables become the files that other tools read."""
