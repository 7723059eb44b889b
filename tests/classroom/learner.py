"""One learner of a class: logs in as in a browser, has a server, runs code in its kernels."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import requests
from websocket import ABNF, WebSocket, create_connection

if TYPE_CHECKING:
    from hub import Class


class Learner:
    """One learner at the hub: logged in, with a server, and kernels."""

    def __init__(self, made: Class, name: str) -> None:
        """Log in by the page's form, and take a token for what follows."""
        self.name, self.url = name, made.url
        self.home = made.homes / name
        self.web = requests.Session()
        page = self.web.get(f"{self.url}/hub/login")
        form = {"username": name, "password": made.passwords[name]}
        form["_xsrf"] = self.web.cookies.get("_xsrf", path="/hub/")
        page = self.web.post(f"{self.url}/hub/login", data=form, allow_redirects=False)
        if page.status_code != 302:
            raise RuntimeError(f"{name} cannot log in: {page.status_code}\n{page.text[-2000:]}")
        token = self.web.post(
            f"{self.url}/hub/api/users/{name}/tokens",
            json={"note": "a test"},
            headers={"X-XSRFToken": self.web.cookies.get("_xsrf", path="/hub/")},
        )
        token.raise_for_status()
        self.web = requests.Session()
        self.web.headers["Authorization"] = f"token {token.json()['token']}"

    def start_server(self) -> None:
        """Start this learner's server, and wait for it."""
        started = self.web.post(f"{self.url}/hub/api/users/{self.name}/server", timeout=300)
        started.raise_for_status()
        about = {"pending": "spawn", "server": None}
        while about["pending"]:
            time.sleep(0.2)
            about = self.web.get(f"{self.url}/hub/api/users/{self.name}", timeout=300).json()
        if not about["server"]:
            raise RuntimeError(f"the server of {self.name} did not start")

    def stop_server(self) -> None:
        """Stop this learner's server."""
        self.web.delete(f"{self.url}/hub/api/users/{self.name}/server", timeout=300)

    def get(self, path: str) -> requests.Response:
        """Ask this learner's server."""
        return self.web.get(f"{self.url}/user/{self.name}/{path}", timeout=300)

    def opens(self) -> str:
        """Return the address that a browser is led to which opens this learner's server."""
        return self.web.get(f"{self.url}/user/{self.name}/", timeout=300).url.partition("?")[0]

    def start_kernel(self, folder: str = "my") -> str:
        """Start a kernel as for a notebook in a folder; return its id."""
        there = f"{self.url}/user/{self.name}/api/kernels"
        started = self.web.post(there, json={"name": "python3", "path": f"{folder}/x.ipynb"})
        started.raise_for_status()
        return started.json()["id"]

    def begin(self, kernel: str, code: str, timeout: float = 600) -> tuple[WebSocket, str]:
        """Have a kernel run code; return where its answers come in, and what they answer."""
        there = f"{self.url}/user/{self.name}/api/kernels/{kernel}/channels"
        header = [f"Authorization: {self.web.headers['Authorization']}"]
        wire = create_connection(there.replace("http", "ws", 1), header=header, timeout=timeout)
        name = uuid.uuid4().hex
        about = {"msg_id": name, "msg_type": "execute_request", "version": "5.3", "date": ""}
        about |= {"session": uuid.uuid4().hex, "username": self.name}
        content = {"code": code, "silent": False, "allow_stdin": False, "stop_on_error": True}
        message = {"header": about, "content": content, "channel": "shell"}
        wire.send(json.dumps(message | {"parent_header": {}, "metadata": {}}))
        return wire, name

    def run(self, kernel: str, code: str) -> str:
        """Run code in a kernel; return what it printed. Raises RuntimeError where it fails."""
        wire, name = self.begin(kernel, code)
        said, error = "", None
        with closing(wire):
            while True:
                kind, data = wire.recv_data()
                if kind != ABNF.OPCODE_TEXT:
                    continue  # a widget's numbers
                answer = json.loads(data)
                content = answer["content"]
                if answer["parent_header"].get("msg_id") != name:
                    continue
                if answer["msg_type"] == "stream":
                    said += content["text"]
                if answer["msg_type"] == "error":
                    error = f"{content['ename']}: {content['evalue']}"
                if answer["msg_type"] == "status" and content["execution_state"] == "idle":
                    break
        if error:
            raise RuntimeError(error)
        return said

    def run_lesson(self, name: str) -> str:
        """Run all cells of this learner's copy of a lesson in a new kernel; return its id."""
        notebook = self.get(f"api/contents/my/{name}").json()["content"]
        kernel = self.start_kernel()
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                try:
                    self.run(kernel, cell["source"])
                except RuntimeError:
                    if "raises-exception" not in cell["metadata"].get("tags", []):
                        raise
        return kernel
