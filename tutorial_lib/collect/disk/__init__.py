"""What a collection is on disk: shards, a manifest, and the store that reads them."""
