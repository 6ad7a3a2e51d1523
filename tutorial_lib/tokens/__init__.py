"""Which tokens an edit touches: selections, and the calls of the model that compute them."""
