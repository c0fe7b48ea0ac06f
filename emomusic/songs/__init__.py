"""Songs, their moods and the choice among them, from the catalogue, tables, audio files and Spotify."""
