"""The statistics that the triggers share: arrays in, numbers out."""
