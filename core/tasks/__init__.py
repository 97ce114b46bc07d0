"""Tasks: what is asked, with its examples, loading, drafts of people's own rows, checks."""
