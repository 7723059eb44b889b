"""A page of the course that is opened in a browser, and a server of files for it."""

from __future__ import annotations

import http.server

from tools.refresh import LESSONS

OTHERS = ["index", "classroom", "teaching/index", "teaching/04_temperature"]
NAMES = [*OTHERS, *(lesson.stem for lesson in LESSONS)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Visit:
    """A page that was opened; `foreign` are its requests to other hosts, `said` its complaints."""

    def __init__(self, browser, address, name, **about):
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **about})
        self.page.set_default_timeout(15_000)
        self.foreign, self.said = [], []
        self.page.on("request", lambda request: self._note(request.url, address))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(f"{address}/{name}.html")
        self.places = self.page.locator(".live-picture")

    def _note(self, url, address):
        if not url.startswith((address, "data:")):
            self.foreign.append(url)

    def live(self, place):
        """Scroll to a picture, and return what has become of it."""
        place.scroll_into_view_if_needed()
        part = place.locator(".mygpt-live")
        part.wait_for()
        return part
