"""A training: model, steps, states, held-out answers."""
