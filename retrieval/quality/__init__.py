"""How well retrieval finds the evidence."""
