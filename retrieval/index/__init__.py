"""An index: its versions, parts, building and updating."""
