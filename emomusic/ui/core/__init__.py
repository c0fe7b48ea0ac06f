"""Code shared by all pages: frame, loading, state, URL, sessions and uploads."""
