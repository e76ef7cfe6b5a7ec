"""Statistics that the triggers share: arrays in, numbers out."""
