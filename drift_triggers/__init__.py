"""Should we train now?  Arrays in, decision out: no model, disk, clock or network."""
