"""Everything that a person touches: the `spool` command and the terminal console.

Enters the rest of Spool through `workers.client` only.
"""
