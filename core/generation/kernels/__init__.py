"""Compiled arithmetic for a few tokens at a time; without a compiler everything answers as it did."""
