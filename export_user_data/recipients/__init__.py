"""Who else is given something of a person, and what they are told when it is corrected, erased or restricted."""

from shared.recipients import Acknowledgement, acknowledgements, tell_recipients

__all__ = ["Acknowledgement", "acknowledgements", "tell_recipients"]
