"""Strangers on one page: who asks, what is theirs, what the machine gives each of them."""
