"""Released detector bundles: promotion, rollback, and which files are kept."""
