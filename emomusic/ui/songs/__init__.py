"""The listener, the player and the songs, shared by the pages."""
