"""Files of people as text with true offsets."""
