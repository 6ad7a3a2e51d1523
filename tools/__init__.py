"""Scripts that make pages and notebooks from their sources, and check them."""
