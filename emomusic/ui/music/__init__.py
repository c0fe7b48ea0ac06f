"""The Music page."""
