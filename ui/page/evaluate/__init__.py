"""The tab Evaluate."""
