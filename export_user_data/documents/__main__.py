"""Publish documents that have changed: `python -m export_user_data.documents 2026-11-22 "it changed" "cambió"`."""

import argparse
import sys
from datetime import date

from export_user_data.documents.versions import publish


def main() -> int:
    """Add a version of each document that is not what its newest version says."""
    parser = argparse.ArgumentParser(prog="python -m export_user_data.documents", description=__doc__)
    parser.add_argument("date", type=date.fromisoformat, help="the day of the version")
    parser.add_argument("english", help="what changed, in a sentence for residents")
    parser.add_argument("spanish", help="the same in Spanish")
    parser.add_argument("--amend", action="store_true", help="replace a version of that day that nobody was shown")
    args = parser.parse_args()
    changes = {"en": args.english, "es": args.spanish}
    changed = publish(args.date.isoformat(), changes, amend=args.amend)
    sys.stdout.write("".join(f"Published: {document}\n" for document in changed) or "Nothing has changed.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
