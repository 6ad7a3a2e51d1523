"""Results in the formats of other systems, one file each. What students may see there is veiled."""
