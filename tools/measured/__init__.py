"""Write what benchmarks measured into the site."""
