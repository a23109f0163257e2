"""Erasure: of a person, of one device's period, of one category. However often its job dies, it ends the same.

gate closed → what is held is found → every ownership narrowed → counted → blocked and purged → scanned by other code →
everybody told → the places outside lapse → the receipt is complete. Between a narrowing and the purge, and between the
purge and the scan, it waits for what was under way.
"""
