"""What of the environment runners and tools get: what is named here, and nothing else. Pure.

A worker is often started from somebody's shell, whose environment holds tokens, agents' sockets, displays and
libraries to load. None of that is for code that reads files of strangers.
"""

from __future__ import annotations

from collections.abc import Mapping

MARK = "SPOOL_RUNNER"
"""Runners and all that they start bear this name in their environment: by it, a later worker knows them from others."""

_PLAIN = frozenset(
    {
        MARK,
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "SPOOL_HOME",  # names the home that a process belongs to
        # Where libraries lie: without it, a Python or ffmpeg that was built elsewhere does not start. What is to be
        # loaded into every program (LD_PRELOAD) is another matter, and stays out.
        "LD_LIBRARY_PATH",
        # Where fonts are found and their lists kept: subtitles are drawn with them.
        "FONTCONFIG_FILE",
        "FONTCONFIG_PATH",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
    }
)
# Hardware encoders: which driver, which of several cards. None of their libraries keeps secrets there.
_PLAIN_PREFIXES = ("LC_", "LIBVA_", "CUDA_", "NVIDIA_", "ONEVPL_")
# How to reach the net. Proxies may hold a password, so only operations that ask the net get them, and not by the
# environment that they are started with: that can be read of a process for as long as it lives.
_NETWORK = frozenset(
    {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"}
    | {"ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle"}
)


def for_fetching(environ: Mapping[str, str]) -> dict[str, str]:
    """What a tool gets that asks the net itself."""
    return {name: value for name, value in environ.items() if _plain(name) or _of_network(name)}


def for_tools(environ: Mapping[str, str]) -> dict[str, str]:
    """What a tool gets that works on files, and the process from which all runners are forked."""
    return {name: value for name, value in environ.items() if _plain(name)}


def of_network(environ: Mapping[str, str]) -> dict[str, str]:
    """What only operations need that ask the net."""
    return {name: value for name, value in environ.items() if _of_network(name)}


def _plain(name: str) -> bool:
    return name in _PLAIN or name.startswith(_PLAIN_PREFIXES)


def _of_network(name: str) -> bool:
    return name.lower() in _NETWORK
