"""Charts that the dashboard and the report share: pure functions of tables that give Altair charts and sentences."""
