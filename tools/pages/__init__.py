"""The page engine: runs the blocks of a page as tests, compares and bakes what they print."""
