"""What is said to and by `register_device`, a module for each kind of caller and thing."""
