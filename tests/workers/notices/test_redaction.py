from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.notices.redaction import redacted, scrubbed


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://me:pass@192.0.2.7:8080/hooks/key?+X-Key=key", "json://192.0.2.7:8080/…"),
        ("mailto://me:pass@example.org?to=you@example.org", "mailto://example.org/…"),
        ("mailtos://me:pa/ss@mail.example.org:587/?from=a@b.c", "mailtos://mail.example.org:587/…"),
        ("json://[::1]:80/x", "json://[::1]:80/…"),
        ("tgram://123456:token/chat", "tgram://…"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV", "discord://…"),
        ("json://\x1b[31m/x", "json://…"),
        ("\x1b]0;x://y", "a URL without a service"),
        ("just words", "a URL without a service"),
        ("", "a URL without a service"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redacted(url) == shown


@given(st.text(alphabet=st.characters(exclude_characters="@/?#"), min_size=8))
def test_no_password_is_ever_shown(password: str) -> None:
    assert password not in redacted(f"mailto://me:{password}@example.org")
    assert password not in redacted(f"slack://{password}")


def test_what_libraries_say_is_scrubbed() -> None:
    url = "json://me:hunter22@example.org/hooks/k3y%20k3y?+X=geheim"
    said = scrubbed(f"no answer of {url} (user me, hunter22, 'k3y k3y', geheim) from example.org", url)
    assert not any(secret in said for secret in ("hunter22", "k3y", "geheim"))
    assert "example.org" in said and said.startswith("no answer of ***")
