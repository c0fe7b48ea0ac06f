"""What all pages share: frame, loading, state, address, sessions and uploads."""
