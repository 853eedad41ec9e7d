"""What the live widget shows of a router, and what its buttons do."""
