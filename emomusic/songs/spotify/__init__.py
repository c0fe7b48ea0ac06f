"""Spotify embeds and links, search, and audio features from ReccoBeats."""
