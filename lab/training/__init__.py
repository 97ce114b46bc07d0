"""Trainings as a person starts, watches and compares them."""
