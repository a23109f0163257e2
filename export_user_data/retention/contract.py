"""What privacy staff are told about retention."""

from shared.contract import Moment, View


class RecordAges(View):
    """How old one kind of stored item is; nothing in it is about anybody."""

    container: str
    record: str
    retention_days: float | None = None
    """Absent: it is kept until its person or device is erased."""
    on_expiry: str
    """destroy or block."""
    items: int | None = None
    """Absent where counting them would mean to read them all."""
    oldest: Moment | None = None
    """Since when the oldest one is kept; absent when there is none, or its age is not known."""
    overdue: int
    """How many are a day or more past their time, and nothing keeps them: there should be none."""
    kept: int
    """How many are past their time because a restriction or a legal hold keeps them."""


class CategoryAges(View):
    """A category and its kinds of items."""

    category: str
    oldest: Moment | None = None
    overdue: int
    kept: int
    records: list[RecordAges]


class RetentionReport(View):
    """The report of one day; without a date there is none yet."""

    date: str | None = None
    counted_at: Moment | None = None
    categories: list[CategoryAges]
