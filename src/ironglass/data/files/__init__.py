"""Reading of untrusted files and archives."""
