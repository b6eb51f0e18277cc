"""What each asset computes, as plain functions of tables: no Dagster, no paths, progress by callback."""
