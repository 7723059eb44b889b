"""What maintainers run: `python -m tools.refresh` stores lessons, `tools.edges` tries them."""
