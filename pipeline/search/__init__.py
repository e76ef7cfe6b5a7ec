"""The index of the corpus, one table per model version."""
