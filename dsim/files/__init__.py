"""Files that are whole or absent, JSON documents that are checked against their schema, and what is shipped."""

from dsim.files.atomic import file_sha256, read_text, replacing, slug, write_text
from dsim.files.shipped import shipped

__all__ = ["file_sha256", "read_text", "replacing", "shipped", "slug", "write_text"]
