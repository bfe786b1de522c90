"""The HTTP client behind calls of several agents: it keeps connections, and nothing else.

Agents with credentials of their own share a worker's client. A cookie that one of them was
given would be sent along with the next one's request, which might then act as the first.
"""

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from activities.trusted_roots import trusted_roots


def shared_client() -> httpx2.AsyncClient:
    """Make a client that takes no cookies and follows no redirects."""
    none_of_any_domain = DefaultCookiePolicy(allowed_domains=())
    return httpx2.AsyncClient(
        cookies=CookieJar(policy=none_of_any_domain),
        follow_redirects=False,
        verify=trusted_roots(),
    )
