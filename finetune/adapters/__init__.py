"""What a training leaves: stored, exported, imported, merged."""
