"""Where bundled tasks come from, and adapters that make tasks of public data sets."""
