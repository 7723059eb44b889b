"""A source archive of the learner's own package index, fetched and never run. Used by `text`.

pip runs an archive's setup.py even to download it, so unearth finds the file and we read it. The
settings are pip's all the same: indexes, find-links, trusted hosts, proxy, certificates, timeout.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from ..console import child_environment, plain_lines
from ..errors import CheckpointError
from .kept import Kept

if TYPE_CHECKING:
    from unearth.fetchers import PyPIClient

SECTIONS = ("global", "download", ":env:")  # pip's, for `pip download`; a later one outweighs
YES = {"1", "true", "yes", "on", "t", "y"}


def fetch_archive(kept: Kept, requirement: str, size: int, sha256: str) -> bytes:
    """Return the source archive of a requirement ("name==1.0"), which has that size and sha256.

    kept: what it is for, as its messages name it. Each place that pip's settings name is asked, the
    local ones first; one that fails, or has another file, is passed over. Raises CheckpointError
    where none has it.
    """
    import httpx2
    from unearth import PackageFinder

    settings = pip_settings(kept)
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("unearth")
    logger.addHandler(handler)
    try:
        client = _client(settings)
    except (httpx2.InvalidURL, OSError, ValueError, ImportError) as error:
        raise CheckpointError(
            f"pip's settings for the proxy or the certificates cannot be used ({error}). pip "
            f"config list shows them: mend them; then run: {kept.command}"
        ) from error
    try:
        with client:
            for place, where in _places(settings):
                before = len(said)
                try:
                    # Nothing is installed, so no Python is too old or too new.
                    finder = PackageFinder(client, ignore_compatibility=True, **where)
                    for package in finder.find_matches(requirement):
                        data = _read(client, package.link.url_without_fragment, size)
                        found = hashlib.sha256(data).hexdigest()
                        if found == sha256:
                            return data
                        said.append(
                            f"the file of {place} is not the one this course was made with: its "
                            f"sha256 is {found}, expected {sha256}"
                        )
                except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
                    said.append(f"{place} cannot be read: {error or type(error).__name__}")
                if len(said) == before:
                    said.append(f"{place} has no such file")
    finally:
        logger.removeHandler(handler)
    why = " ".join("; ".join(said).split()) or "pip's settings name no index"
    why = re.sub(r"//[^/@\s]*@", "//***@", why)  # names and passwords are nobody's business
    raise CheckpointError(
        f"{requirement} could not be downloaded: there is no network, or your mirror does not have "
        f"it ({why:.400}). With a network, run: {kept.command}. Without one, set "
        "MYGPT_CACHE to a complete cache."
    )


def pip_settings(kept: Kept) -> dict[str, str]:
    """Return what pip is told for a download: its files and PIP_... variables, as pip lists them.

    Raises CheckpointError where there is no pip, and where it cannot read its settings.
    """
    command = [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    quiet = {"PIP_QUIET": "0", "PIP_VERBOSE": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    quiet["_PIP_RUNNING_IN_SUBPROCESS"] = "1"  # or a setting has pip start another Python
    done = subprocess.run(command, capture_output=True, env=child_environment(**quiet))
    output, errors = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    if done.returncode:
        said = "\n".join([output, errors])  # a value that is none is told on the first of them
        last = plain_lines(said)[-1:] or ["nothing"]
        raise CheckpointError(
            kept.pip_trouble(said)
            or f"pip config list fails and says {last[0]!r}. Mend that; then run: {kept.command}"
        )
    pairs = [line.partition("=") for line in plain_lines(output)]
    return {
        name.removeprefix(f"{section}."): str(ast.literal_eval(value))
        for section in SECTIONS
        for name, _, value in pairs
        if name.startswith(f"{section}.") and value not in ("''", '""')
    }


def _places(settings: dict[str, str]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield where to look, as words and as unearth's argument; what lies near comes first."""
    from unearth import PackageFinder

    for place in settings.get("find-links", "").split():
        yield place, {"find_links": [os.path.expanduser(place)]}
    if settings.get("no-index", "").lower() in YES:
        return
    usual = PackageFinder().sources[0]["url"]  # where pip, too, looks unless it is told otherwise
    for place in [settings.get("index-url", usual), *settings.get("extra-index-url", "").split()]:
        yield place, {"index_urls": [place]}


def _client(settings: dict[str, str]) -> PyPIClient:
    """Return what fetches as pip would: by its proxy, with its certificates, name and password."""
    import httpx2
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    own = [settings.get("cert"), *map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))]
    bundle = next(filter(None, own), None)
    if bundle:
        kind = "capath" if os.path.isdir(bundle) else "cafile"
        context = ssl.create_default_context(**{kind: bundle})
    else:
        context = httpx2.create_ssl_context()
    if "client-cert" in settings:
        context.load_cert_chain(settings["client-cert"])
    proxy = settings.get("proxy")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    trusted = settings.get("trusted-host", "").split()
    mounts = {}
    for host in trusted:  # unearth asks them without the proxy
        usual = None if proxy_bypass(host) else getproxies().get("https")
        mounts[f"all://{host}"] = httpx2.HTTPTransport(verify=False, proxy=proxy or usual)
    indexes = [*settings.get("index-url", "").split(), *settings.get("extra-index-url", "").split()]
    return PyPIClient(
        trusted_hosts=trusted,
        verify=context,
        proxy=proxy,
        mounts=mounts,
        timeout=float(settings.get("timeout", settings.get("default-timeout", 15))),
        follow_redirects=True,
        auth=MultiDomainBasicAuth(prompting=False, index_urls=indexes),
    )


def _read(client: PyPIClient, url: str, size: int) -> bytes:
    """Return the bytes at an address, and not many more than expected."""
    data = bytearray()
    with client.get_stream(url, headers={"Accept-Encoding": "identity"}) as response:
        if response.is_error:
            raise OSError(f"{response.status_code} {response.reason_phrase}")
        for piece in response.iter_raw():
            data += piece
            if len(data) > size:
                break
    return bytes(data)
