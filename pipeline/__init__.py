"""The workspace: the only package with effects (disk, database, MLflow, clock, network)."""
