"""Texts as vectors, kept once computed."""
