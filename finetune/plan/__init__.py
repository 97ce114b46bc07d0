"""Before a training: what it takes and whether it may start."""
