"""Pictures of results, for readers with and without full colour vision. matplotlib is imported when one is drawn."""
