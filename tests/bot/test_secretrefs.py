"""A secret is named by where it stands, read anew each time, and in nobody's error."""

from pathlib import Path

import pytest

from bot.secretrefs import SecretError, check_reference, is_set, signing_secret

SECRET = "whsec_dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIG9yIHNvLi4="
MARKED = "not-for-anybody-s-eyes"


def test_a_secret_is_found_in_the_environment_and_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTOSO_NATIVE", SECRET)
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="ascii")

    assert signing_secret("env:CONTOSO_NATIVE") == signing_secret(f"file:{tmp_path / 'secret'}")


def test_a_file_may_change_while_vouch_runs(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET, encoding="ascii")
    before = signing_secret(f"file:{file}")
    file.write_text("whsec_" + "QUJD" * 8, encoding="ascii")

    assert signing_secret(f"file:{file}") == b"ABC" * 8 != before


@pytest.mark.parametrize(
    "reference",
    [MARKED, SECRET, f"env:{MARKED} ", "env:", "env:1A", "file:relative", "file:", "vault:x", ""],
)
def test_what_is_no_reference_is_refused_and_not_repeated(reference: str) -> None:
    with pytest.raises(SecretError) as caught:
        check_reference(reference)

    assert MARKED not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_is_missing_or_no_secret_is_said_by_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    monkeypatch.setenv("WEAK", MARKED)
    for reference in ("env:NOWHERE", f"file:{tmp_path / 'none'}", f"file:{tmp_path}", "env:WEAK"):
        with pytest.raises(SecretError) as caught:
            signing_secret(reference)

        assert reference in str(caught.value)
        assert MARKED not in str(caught.value)
    assert not is_set("env:NOWHERE")
    assert is_set("env:WEAK")
