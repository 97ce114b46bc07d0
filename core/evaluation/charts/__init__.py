"""Charts of a comparison: geometry in Python, a module a family; drawn as inline SVG by one template."""
