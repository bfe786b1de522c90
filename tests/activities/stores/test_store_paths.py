"""The spelling of ref names as paths."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.stores.base import StoreError
from activities.stores.paths import PART_LIMIT, name_of_path, pack, ref_path, unpack

PARTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("replies/ab12", "replies/ab12="),
        ("results/report/2026-11-22T06:00:00Z", "results/report/2026-11-22%5406%3a00%3a00%5a="),
        ("..", "%2e.="),
        ("a/.b/c.d", "a/%2eb/c.d="),
        ("%2e", "%252e="),
        ("é", "%c3%a9="),
    ],
)
def test_ref_path_is_pinned(name: str, path: str) -> None:
    """The spelling is a format on disk: it never changes."""
    assert ref_path(name) == path


def test_ref_path_of_long_part_is_pinned() -> None:
    """A long part keeps its beginning and gets a digest, for ever the same."""
    digest = "e2faa951197255d13534081173ff3579"
    assert ref_path("q" * 151) == "q" * 117 + "~" + digest + "="


@given(NAMES)
def test_ref_path_stays_inside_and_reads_back(name: str) -> None:
    """Every path is made of safe parts, and tells its name or says that it cannot."""
    path = ref_path(name)
    for part in path.removesuffix("=").split("/"):
        assert re.fullmatch(r"[a-z0-9_%~-][a-z0-9_.%~-]*", part)
        assert len(part) <= PART_LIMIT
    assert name_of_path(path) in (name, None)
    assert "~" in path or name_of_path(path) == name


@given(NAMES, NAMES)
def test_ref_paths_of_two_names_differ(one: str, other: str) -> None:
    """Two names never share a path, nor is one's file another's folder."""
    if one != other:
        assert ref_path(one) != ref_path(other)
    assert not ref_path(one).startswith(ref_path(other) + "/")


@given(NAMES, st.binary())
def test_pack_reads_back(name: str, value: bytes) -> None:
    """What is stored for a ref gives back its name and value."""
    assert unpack(pack(name, value)) == (name, value)


@pytest.mark.parametrize("stored", [b"", b"no newline", b"\xff\xfe\nvalue"])
def test_unpack_damaged_is_refused(stored: bytes) -> None:
    """Bytes that are no ref are an error, never a guess."""
    with pytest.raises(StoreError):
        unpack(stored)
