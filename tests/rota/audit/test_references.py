"""Which objects some bytes refer to: all that may be digests, and no more than that."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from rota.audit.references import DIGITS, LONGEST, digests_in
from rota.model import digest_of

HEX = st.text("0123456789abcdef", max_size=(LONGEST - DIGITS) // 2)


@given(HEX, HEX)
def test_digest_is_found_behind_and_before_digits(before: str, after: str) -> None:
    """What says its length, or an ordinal, may look like a part of it."""
    digest = digest_of(b"object")
    there = f"{before}{digest}{after}"
    assert digest in set(digests_in(there.encode()))
    assert digest in set(digests_in(json.dumps([digest, before, after]).encode()))


def test_dump_of_hexadecimal_text_names_no_more_than_fits_in_it() -> None:
    """A text of two million digits is read in steps of a digest: its archive stays as small."""
    text = b"".join(hashlib.sha256(b"%d" % number).hexdigest().encode() for number in range(4096))
    found = list(digests_in(text))
    assert len(found) == len(text) // DIGITS
    assert hashlib.sha256(b"7").hexdigest() in found
