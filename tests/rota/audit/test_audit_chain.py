"""Chains of runs: the same record gives the same chain, and the chain gives the record back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.audit.bundle import BundleParts, bundle_of
from rota.audit.checking import check
from rota.audit.content_key import ContentKey, Destruction
from rota.audit.entries import chain_of
from rota.audit.hashing import canonical
from rota.audit.reading_back import ErasedError, record_of
from rota.model import canonical_json
from tests.rota.audit.audit_records import BEGAN, KEY, history, record

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


@given(JSON)
def test_verifier_writes_json_as_rota_does(value: Any) -> None:
    """It cannot import the function, so it has its own: both must agree on every byte."""
    assert canonical(value) == canonical_json(value)


def test_chain_gives_back_the_record_it_was_made_from() -> None:
    """Forty records, whatever they hold."""
    for seed in range(40):
        made = record(seed)
        chain = chain_of(made, KEY)
        assert chain == chain_of(made, KEY)
        assert record_of(chain.records, {p.place: p.data for p in chain.pieces}) == made


def test_chain_has_one_record_for_each_event_of_its_histories() -> None:
    """Its count matches history."""
    made = record(11, turns=2)
    events = [each for each in chain_of(made, KEY).records if each.kind == "event"]
    assert len(events) == sum(each.last for each in made.executions)


def test_chain_of_a_long_run_verifies_whole() -> None:
    """Ten thousand events: one record each, in the order of time, and all of them hold."""
    long = history("long", 3_333)
    made = record(11, turns=40).model_copy(update={"executions": (long,)})
    chain = chain_of(made, KEY)
    assert len([each for each in chain.records if each.kind == "event"]) == long.last >= 10_000
    files = bundle_of(BundleParts(made.run, chain, verifier=""), None)
    assert check(files).problems == []


def test_chain_names_no_person_argument_or_text() -> None:
    """What is personal lies beside it, where it can be erased; nor does a plain digest tell."""
    made = record(12, turns=3)
    chain = chain_of(made, KEY)
    told = json.dumps([each.model_dump(mode="json") for each in chain.records], ensure_ascii=False)
    words = {*("ann", "bob", "amount"), made.output["text"], made.calls[0].result}
    assert not [word for word in words if f'"{word}"' in told]
    assert all(turn.digest not in told for turn in made.turns)


def test_content_cannot_be_guessed_without_the_key() -> None:
    """With another key the same content is committed to by another hash."""
    made = record(13)
    one, other = chain_of(made, KEY), chain_of(made, bytes(32))
    told = [each.body["content"] for each in one.records if "content" in each.body]
    assert told != [each.body["content"] for each in other.records if "content" in each.body]


def test_chain_is_in_the_order_of_time_with_a_salt_for_each_content() -> None:
    """Whoever reads it reads what happened; equal content is not seen to be equal."""
    chain = chain_of(record(15, turns=4), KEY)
    times = [each.at for each in chain.records]
    assert times == sorted(times)
    assert len({piece.salt for piece in chain.pieces}) == len(chain.pieces)


def test_record_whose_content_was_erased_is_not_read_back() -> None:
    """There is only the chain."""
    chain = chain_of(record(14), KEY)
    with pytest.raises(ErasedError):
        record_of(chain.records, {})


def test_destroyed_key_stays_destroyed() -> None:
    """The first word stands, and the key is gone."""
    first = Destruction(by="ann", reason="request of the subject", at=BEGAN)
    gone = ContentKey(key=KEY.hex()).without(first)
    again = gone.without(Destruction(by="bob", reason="", at=BEGAN))
    assert (again, again.secret, again.destroyed) == (gone, b"", first)
    assert KEY.hex() not in repr(ContentKey(key=KEY.hex()))
