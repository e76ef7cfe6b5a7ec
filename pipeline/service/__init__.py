"""The HTTP service: embeddings and search with the champion and its index."""
