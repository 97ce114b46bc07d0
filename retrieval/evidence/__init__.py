"""What search results are worth: whether to abstain, and where an answer stands."""
