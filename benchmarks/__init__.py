"""Kentro beside its peers, over the same people: see README.md."""
