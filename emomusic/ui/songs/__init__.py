"""Listener, songs and player, shared by the pages."""
