"""Steps inside backward."""
