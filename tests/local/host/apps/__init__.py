"""Sample function apps: a test copies one into a directory of its own, as function_app.py beside a host.json."""
