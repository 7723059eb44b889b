"""Measurements of what the course promises, each beside a peer: `make bench`."""
