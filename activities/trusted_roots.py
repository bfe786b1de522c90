"""Whom clients of HTTPS trust: the certificates of this machine, read once for all of them.

I/O side. Reading them takes some 30 ms of a processor, and a worker has a client for each
endpoint and account.
"""

import ssl
from functools import cache

import httpx2


@cache
def trusted_roots() -> ssl.SSLContext:
    """Return the settings that every client shares. Certificates added later want a restart."""
    return httpx2.create_ssl_context()
