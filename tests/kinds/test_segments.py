from typing import Any

import pytest

from xlit.errors import UsageError
from xlit.kinds.segments import cut_longest_first, frame_of, tokenise, tokenise_with_spans

TEXTS = ["the red book", "a", "Alle Menschen sind frei", "", "人人生而自由 the dog 😀"]


@pytest.mark.parametrize("second", [None, *TEXTS])
@pytest.mark.parametrize("first", TEXTS)
def test_sequences_and_types_are_those_of_the_tokenizer(
    tokenizer: Any, first: str, second: str | None
) -> None:
    frame = frame_of(tokenizer, 64)
    pieces = tokenise(tokenizer, [first, second or ""])
    ids, types = frame.join(pieces[first], None if second is None else pieces[second])
    # as batches: a single empty second text is no second text to transformers
    whole = tokenizer([first], None if second is None else [second])
    assert list(ids) == whole["input_ids"][0]
    assert (types is None) == ("token_type_ids" not in tokenizer.model_input_names)
    if types is not None:
        assert list(types) == whole["token_type_ids"][0]


@pytest.mark.parametrize("room", [5, 6, 11, 12, 30])
@pytest.mark.parametrize(
    ("first", "second"),
    [(3, 20), (20, 3), (9, 9), (9, 12), (12, 9), (0, 30), (1, 1), (6, 6), (6, 7)],
)
def test_pairs_are_cut_as_longest_first_cuts_them(
    wordpiece: Any, first: int, second: int, room: int
) -> None:
    texts = ("a " * first).strip(), ("b " * second).strip()
    pieces = tokenise(wordpiece, texts)
    a, b = cut_longest_first(pieces[texts[0]], pieces[texts[1]], room)
    expected = wordpiece(
        *texts, truncation="longest_first", max_length=room + 3, add_special_tokens=True
    )
    assert list(frame_of(wordpiece, 64).join(a, b)[0]) == expected["input_ids"]


def test_more_texts_than_a_chunk_keep_their_pieces(unigram: Any) -> None:
    texts = [f"the book {i}" for i in range(1003)]
    pieces = tokenise(unigram, texts)
    assert list(pieces) == texts
    assert list(pieces[texts[1002]]) == unigram(texts[1002], add_special_tokens=False)["input_ids"]


def test_pieces_are_those_of_the_tokenizer_however_it_was_used_before(tokenizer: Any) -> None:
    tokenizer(TEXTS, padding="max_length", truncation=True, max_length=4)
    texts = [*TEXTS, "a </s> [SEP] b", "word " * 600]
    expected = tokenizer(
        texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    tokenizer(TEXTS, padding="max_length", truncation=True, max_length=4)
    assert [list(ids) for ids in tokenise(tokenizer, texts).values()] == expected["input_ids"]
    tokenizer(TEXTS, padding="max_length", truncation=True, max_length=4)
    with_spans = tokenise_with_spans(tokenizer, texts)
    for text, ids, spans in zip(
        texts, expected["input_ids"], expected["offset_mapping"], strict=True
    ):
        assert list(with_spans[text][0]) == ids
        assert [tuple(span) for span in with_spans[text][1].tolist()] == spans


def test_spans_count_characters_and_not_bytes(unigram: Any) -> None:
    text = "😀 人人 Würde"
    ids, spans = tokenise_with_spans(unigram, [text])[text]
    assert spans.shape == (len(ids), 2)
    assert text[spans[-1][0] : spans[-1][1]].strip() in "Würde"
    assert spans[-1][1] == len(text) == 10


def test_a_length_beyond_the_encoder_is_refused(unigram: Any) -> None:
    with pytest.raises(UsageError, match="513 is more than the 512"):
        frame_of(unigram, 513)


def test_a_length_without_room_is_refused(unigram: Any) -> None:
    with pytest.raises(UsageError, match="no room for text"):
        frame_of(unigram, 5)
