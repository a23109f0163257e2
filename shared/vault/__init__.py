"""The vault: what is blocked instead of destroyed, for courts and authorities alone, until its date.

A sealed body lies in Blob storage under a key of its case: one person's request and one destruction month. That key
lies with the case, wrapped by the key of the month, and the key of the month in a blob container, wrapped by a key
from the settings. On its date the key of the month is deleted, and with it every body of the month, wherever there
may still be a copy of it.
"""

from shared.vault.blocking import Blocked, NotBlocked, block
from shared.vault.sealing import Damaged, KeyEncryptionKeys
from shared.vault.store import VaultStore, blocked_until

__all__ = ["Blocked", "Damaged", "KeyEncryptionKeys", "NotBlocked", "VaultStore", "block", "blocked_until"]
