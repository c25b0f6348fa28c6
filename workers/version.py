"""The version of Spool, without loading package metadata."""

VERSION = "0.1.0"
