"""Audio features in, moods and ranked songs out."""
