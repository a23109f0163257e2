"""Rectification (GDPR 16): of people's own values, of what they told us otherwise, and of readings by annotation."""
