"""The How it works page."""
