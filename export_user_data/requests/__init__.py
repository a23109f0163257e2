"""Requests of people who exercise a right, under the legal clock: filed, moved, answered, and proved to be answered."""
