"""Requests to Ray over HTTP, at the address of its dashboard. It stands alone, since a look at a host sends it along as well: standard library,
Python 3.6 or later."""

import json
import os
import socket

# Of an answer this much is read.
MOST_BYTES = 4 << 20


class NoAnswer(Exception):
    """Nothing answered, or nothing that is Ray's: a sentence."""


def token():
    """What a Ray with token authentication wants, as Ray's own programs find it; None where there is none."""
    given = os.environ.get("RAY_AUTH_TOKEN", "").strip()
    if given:
        return given
    try:
        with open(os.environ.get("RAY_AUTH_TOKEN_PATH") or os.path.expanduser("~/.ray/auth_token")) as file:
            return file.read(4096).strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def ask_ray(address, method, path, body=None, seconds=30):
    """Status of an answer, and its text. No proxy is asked: Ray is near the host."""
    # Most agents never ask Ray, and should be there at once.
    import http.client
    import urllib.parse
    url, here = urllib.parse.urlsplit(address), socket.gethostname()
    make = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    headers, known = {"Accept": "application/json"}, token()
    if body is not None:
        headers["Content-Type"] = "application/json"
    if known:
        headers["Authorization"] = "Bearer " + known
    try:
        connection = make(url.hostname, url.port, timeout=seconds)
        try:
            connection.request(method, url.path.rstrip("/") + path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read(MOST_BYTES).decode("utf-8", "replace")
        finally:
            connection.close()
    except ConnectionRefusedError:
        raise NoAnswer("Nothing listens at %s, by which %s was to reach Ray." % (address, here))
    except socket.timeout:
        raise NoAnswer("Ray at %s did not answer %s within %d s." % (address, here, seconds))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer("Ray at %s can't be reached from %s: %s." % (address, here, str(error)[:200] or type(error).__name__))
    if status in (401, 403):
        raise NoAnswer("Ray at %s wants a token, and %s." % (address, "refuses the one that %s has" % here if known else "there is none on %s" % here))
    return status, text


def ray_json(address, method, path, body=None, seconds=30):
    """What an answer says that is as it should be."""
    status, text = ask_ray(address, method, path, body, seconds)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if status != 200 or not isinstance(value, dict):
        raise NoAnswer("What answers at %s does not do so as Ray's job server does (status %d)." % (address, status))
    return value
