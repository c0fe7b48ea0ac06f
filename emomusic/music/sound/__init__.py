"""Audio in; quadrants, moods and tags out."""
