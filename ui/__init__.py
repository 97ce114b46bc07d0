"""The two front doors over `lab`: the command line and the page."""
