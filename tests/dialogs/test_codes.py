"""Whoever asks whether a code is ours is understood, in three languages; other words are not taken
for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.codes import code_in

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.mark.parametrize(
    "words",
    [
        "verify 7KQ2",
        "VERIFY 7kq2",
        "  verify   7 K Q 2 ",
        "verify: 7K-Q2.",
        "Please verify code 7KQ2",
        "can you verify the case 7kq2?",
        "check code 7KQ2",
        "check 7KQ2",
        "bitte prüfen 7KQ2",
        "Prüfe Code 7kq2",
        "verifiziere 7KQ2",
        "überprüfen: Fall 7KQ2",
        "verificar 7KQ2",
        "Por favor, verifique o código 7KQ2",
        "conferir caso 7KQ2",
    ],
)
def test_a_code_to_check_is_read(words: str) -> None:
    assert code_in(words) == "7KQ2"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "verify",
        "I opened it",
        "check this",
        "check the file please",
        "please check my mail, I cannot open it",
        "prüfen Sie das bitte",
        "I did not verify 7KQ2",
        "verify that I am the one who opened invoice.docm yesterday",
        "verify " + "7" * 200,
    ],
)
def test_other_words_are_left_to_whom_they_are_for(words: str) -> None:
    assert code_in(words) is None


def test_a_forgers_code_may_look_otherwise_than_ours() -> None:
    assert code_in("verify 493021") == "493021"


@given(
    st.text(ALPHABET, min_size=4, max_size=4),
    st.sampled_from(["verify", "Verify code", "verifiziere", "verificar código"]),
    st.sampled_from(["", " ", "-"]),
)
def test_every_code_is_read_however_it_is_spaced(code: str, asks: str, between: str) -> None:
    assert code_in(f"{asks} {between.join(code).lower()}") == code


@given(st.text(max_size=100))
def test_nothing_that_somebody_writes_breaks_it(words: str) -> None:
    code = code_in(words)
    assert code is None or code.isalnum()
