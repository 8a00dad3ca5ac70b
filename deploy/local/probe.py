"""Does a program on loopback answer that it is ready?"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request

_TIMEOUT_S = 2.0


def unready(url: str) -> str | None:
    """Return None where `url` answers with HTTP 200, else why it does not."""
    # An https certificate is not checked: the program made it in memory, and the question holds no secret.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    # No proxy: it could not reach this machine's loopback.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked)
    )
    try:
        with opener.open(url, timeout=_TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        return f"{url} answers {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return f"{url}: {error.reason}"
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error}"
