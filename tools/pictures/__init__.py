"""Draw the site's pictures and the explorer."""
