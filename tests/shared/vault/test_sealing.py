"""What is sealed opens under its key, as what it is, and in no other way."""

import json

import pytest

from shared.cosmos import Item
from shared.vault.sealing import (
    PART_LIMIT_BYTES,
    Damaged,
    KeyEncryptionKeys,
    new_key,
    opened,
    packed,
    sealed,
    unpacked,
)
from tests.keys import symmetric_jwks


def test_what_is_sealed_opens() -> None:
    """Under its key, as what it is; and it is never sealed alike twice."""
    key = new_key()
    body = sealed(key, b"secret", "part")
    assert opened(key, body, "part") == b"secret"
    assert b"secret" not in body
    assert sealed(key, b"secret", "part") != body


def test_nothing_else_opens() -> None:
    """Another key, another place, a changed byte anywhere, a body cut short."""
    key = new_key()
    body = sealed(key, b"secret", "part")
    wrong = [(new_key(), body, "part"), (key, body, "another part"), (key, body[:-1], "part"), (key, b"", "part")]
    wrong += [(key, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], "part") for at in range(len(body))]
    for case in wrong:
        with pytest.raises(Damaged):
            opened(*case)


def test_items_come_out_as_they_went_in() -> None:
    """Without what the database adds."""
    content = packed([("devices", {"id": "a", "name": "ñ", "_etag": "x"}), ("people", {"id": "b"})])
    assert [json.loads(line) for line in unpacked(content)] == [
        {"container": "devices", "item": {"id": "a", "name": "ñ"}},
        {"container": "people", "item": {"id": "b"}},
    ]


def test_a_text_may_have_any_character() -> None:
    """Also those that some readers take for the end of a line."""
    items: list[tuple[str, Item]] = [("devices", {"id": "a", "text": "one\u2028two\x85three\n"})]
    assert [json.loads(line)["item"] for line in unpacked(packed(items))] == [items[0][1]]


def test_a_part_is_bounded() -> None:
    """Who blocks more goes page by page."""
    with pytest.raises(ValueError, match="pages"):
        packed([("devices", {"id": "a", "text": "x" * PART_LIMIT_BYTES})])


def test_the_first_key_wraps_and_all_unwrap() -> None:
    """So that a key is replaced by putting the new one first."""
    old, new = symmetric_jwks("dev-old"), symmetric_jwks("dev-new")
    key = new_key()
    before = KeyEncryptionKeys(old).wrapped(key, "month")
    both = KeyEncryptionKeys({"keys": [*new["keys"], *old["keys"]]})
    after = both.wrapped(key, "month")
    assert both.unwrapped(before, "month") == both.unwrapped(after, "month") == key
    assert (both.is_under_first(before), both.is_under_first(after)) == (False, True)
    assert KeyEncryptionKeys(new).unwrapped(after, "month") == key
    with pytest.raises(Damaged):
        KeyEncryptionKeys(new).unwrapped(before, "month")
    with pytest.raises(Damaged):
        both.unwrapped(after, "another month")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"kid": "dev-vault"}'])
def test_what_is_no_wrapped_key_is_damaged(content: bytes) -> None:
    """And not a fault of another kind."""
    with pytest.raises(Damaged):
        KeyEncryptionKeys(symmetric_jwks("dev-vault")).unwrapped(content, "month")
