"""What the site of a web address is, and which sites a name covers: one rule for jobs, pauses and limits. Pure.

A site is a host in small letters, without user, port, `www.`, trailing dot and brackets; of an international name its
own letters, not xn--. A name covers a site when it is that site or a domain above it.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

_MOST_LETTERS = 253  # of a whole name
_MOST_OF_LABEL = 63


def site_of_address(url: str) -> str | None:
    """The site of a web address; None when it names no host. ValueError when it is no address."""
    host = urlsplit(url).hostname
    return _plain(host) or None if host else None


def site_named(text: str) -> str:
    """The site that a person means by a host or an address. ValueError with the reason when no download has it."""
    text = text.strip()
    scheme, marked, rest = text.partition("://")
    if marked and scheme.lower() not in ("http", "https"):
        raise ValueError("downloads are of http:// and https:// only")
    if not marked:
        rest = f"[{text}]" if text.count(":") > 1 and not set(text) & set("[@") else text.removesuffix("/")
        if "/" in rest:
            raise ValueError("write its host, as in example.org")
    if not text.isprintable() or any(letter.isspace() for letter in text):
        raise ValueError("it holds blanks or unseen characters")
    try:
        parts = urlsplit(f"//{rest}")
        _ = parts.port
        site = _plain(parts.hostname or "")
    except ValueError as error:
        raise ValueError(f"this is no address: {error}") from None
    _check(site)
    return site


def sites_over(site: str) -> tuple[str, ...]:
    """Every name that covers a site: itself, then the domains above it."""
    labels = site.split(".")
    return tuple(".".join(labels[number:]) for number in range(len(labels)))


def _plain(host: str) -> str:
    host = unicodedata.normalize("NFKC", host).lower().removesuffix(".")
    if ":" in host:
        return _short_ip(host)
    host = ".".join(_own_letters(label) for label in host.split("."))
    rest = host.removeprefix("www.")
    return rest if "." in rest else host  # www.com is the site of a firm, com is not


def _short_ip(text: str) -> str:
    """The shortest form of an address of IPv6, of which there are many; what is none stays as it is."""
    from ipaddress import ip_address

    try:
        return str(ip_address(text))
    except ValueError:
        return text


def _own_letters(label: str) -> str:
    """A part of a name such as xn--mnchen-3ya in its own letters; as it is when it is no such part."""
    if not label.startswith("xn--"):
        return label
    try:
        shown = unicodedata.normalize("NFC", label[4:].encode("ascii").decode("punycode"))
    except ValueError:
        return label
    return shown if shown and shown.isprintable() and not shown.isascii() and "." not in shown else label


def _check(site: str) -> None:
    if not site:
        raise ValueError("it names no host")
    if ":" in site:
        _check_ip(site)
        return
    labels = site.split(".")
    if "*" in site:
        raise ValueError("a host covers its subdomains, so write example.org for *.example.org")
    if "" in labels:
        raise ValueError("a part between two dots is empty")
    if len(site) > _MOST_LETTERS or max(map(len, labels)) > _MOST_OF_LABEL:
        raise ValueError(f"a host has {_MOST_LETTERS} letters at most, and {_MOST_OF_LABEL} between two dots")
    for label in labels:
        wrong = label.startswith("-") or label.endswith("-")
        if wrong or not all(letter.isalnum() or letter in "-_" or not letter.isascii() for letter in label):
            raise ValueError(f"{label!r} is no part of a host")
    if labels[-1].isdecimal():
        _check_ip(site)


def _check_ip(site: str) -> None:
    from ipaddress import ip_address

    try:
        ip_address(site)
    except ValueError:
        raise ValueError("it looks like an IP address and is none") from None
