"""The site of an address, and what people mean by one."""

from __future__ import annotations

import pytest

from workers.sites import site_named, site_of_address, sites_over


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("http://example.org/film.mp4", "example.org"),
        ("https://WWW.Example.org./film.mp4", "example.org"),
        ("https://user:pw@example.org:8443/watch?v=1", "example.org"),
        ("http://127.0.0.1:8125/", "127.0.0.1"),
        ("http://[::1]:8125/", "::1"),
        ("http://[0:0::0:1]/", "::1"),
        ("http://www.com/", "www.com"),
        ("http://münchen.de/", "münchen.de"),
        ("http://xn--mnchen-3ya.de/", "münchen.de"),
        ("http://MÜNCHEN.de/", "münchen.de"),
        ("http://xn--a.de/", "xn--a.de"),
        ("http://under_score.example.org/", "under_score.example.org"),
    ],
)
def test_a_person_means_the_site_that_a_job_of_it_has(text: str, site: str) -> None:
    assert site_of_address(text) == site
    assert site_named(text) == site
    host = text.partition("://")[2].partition("/")[0]
    assert site_named(host) == site_named(f" {host} ") == site


def test_addresses_of_ipv6_need_no_brackets() -> None:
    assert site_named("::1") == site_named("[::1]") == "::1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("*.example.org", "covers its subdomains"),
        ("..", "empty"),
        ("a..b", "empty"),
        ("-x", "no part"),
        ("a b.org", "blanks"),
        ("exa!mple.org", "no part"),
        ("example.org/film.mp4", "write its host"),
        ("ftp://example.org/", "http"),
        ("https://", "no host"),
        ("example.org:port", "no address"),
        ("[::1", "no address"),
        ("1.2.3", "IP"),
        ("x" * 64 + ".org", "63"),
    ],
)
def test_what_no_download_can_be_of_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        site_named(text)


def test_a_name_covers_its_subdomains() -> None:
    assert sites_over("a.b.org") == ("a.b.org", "b.org", "org")
    assert sites_over("localhost") == ("localhost",)
