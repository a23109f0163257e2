"""Python's collector of cycles, set for a process that serves: the function app imports this before its own modules.

Imports make objects that stay, and a hundred requests with their readings are 10,000 that all go by themselves. By
Python's own threshold of 2,000 each of them is looked at, some of them again and again, and next to nothing is found.
"""

import gc
from typing import Final

NEW_OBJECTS: Final = 50_000
"""When there are so many that were not there before, cycles are looked for."""

gc.set_threshold(NEW_OBJECTS)
