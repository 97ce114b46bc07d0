"""The tab Your task."""
