"""Live access (GDPR 15): everything that is held about the caller, by category, at any time."""
