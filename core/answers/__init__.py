"""Answers as JSON: written, parsed, validated, bounded."""
