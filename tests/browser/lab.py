"""Drive a real JupyterLab in a real browser: shared by the browser tests and the measurements."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Locator, Page, Playwright

from mygpt_helpers.lab_settings import SAVED

REPOSITORY = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge", "microsoft-edge")
FLAGS = [
    "--no-sandbox",  # containers have no user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # All cells in the page, not only those in sight: a test looks for any of them.
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}
ANY_RUN = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .some(cell => cell.model.type === 'code' && cell.model.executionCount)"""
# The status is "idle" before there is a kernel, and its name there before itself: ask for all.
READY = """() => {
  const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
  const name = panel?.querySelector('.jp-KernelName')?.textContent;
  const status = panel?.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status;
  const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
  return !!kernel && !!name && name !== 'No Kernel' && status === 'idle'; }"""
OPEN = """name => {
  window.jupyterapp.commands.execute('docmanager:open', { path: name, factory: 'Notebook' }); }"""
IS_OPEN = "name => window.jupyterapp.shell.currentWidget?.context?.path === name"
IN_KERNEL = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code, store_history: false, stop_on_error: false });
  let said = '', error = null;
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === 'stream') said += content.text;
    if (header.msg_type === 'error') error = content.ename + ': ' + content.evalue;
  };
  await future.done;
  if (error) throw new Error(error);
  return said; }"""


def launch(playwright: Playwright) -> Browser:
    """Start $CHROMIUM, a Chromium on the PATH, or Playwright's own; raises where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


@contextmanager
def running_lab(course: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Run JupyterLab on a free port; yield its address and the folder it serves, both temporary.

    course: a copy of the course, in which the course's own command is given instead.
    """
    home = Path(tempfile.mkdtemp(prefix="mygpt-lab-"))
    root = course or home / "root"
    root.mkdir(exist_ok=True)
    for name, value in SETTINGS.items():
        path = home / "settings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    # Here, and not beside the environment, where the course's set-up writes it.
    labconfig = home / "config" / "labconfig"
    labconfig.mkdir(parents=True)
    (labconfig / "default_setting_overrides.json").write_text(json.dumps(SAVED))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    python_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    env = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "PYTHONPATH": python_path,
        "MYGPT_PROGRESS": "off",
        # Threads of several kernels that wait for one another cost minutes on two cores.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    plain = ["jupyterlab", f"--ServerApp.root_dir={root}"]
    command = [sys.executable, "-m", *(["mygpt_helpers", "lab"] if course else plain)]
    command += ["--no-browser", "--allow-root", "--IdentityProvider.token="]
    command += ["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    command += ["--LabApp.expose_app_in_browser=True"]
    if sys.platform != "win32":  # for the reason that tools/kernels.py gives
        command += ["--KernelManager.transport=ipc"]
    log_path = home / "lab.log"
    with log_path.open("wb") as log:
        server = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(server, url, log_path)
        yield url, root
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(server: subprocess.Popen, url: str, log: Path) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url + "/api/status", timeout=1).read()
            return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text()[-2000:])


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook with the given code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


class Notebook:
    """One notebook, open in one page. `errors` collects what the browser's console complains of."""

    def __init__(self, browser: Browser, url: str, name: str, *, dark: bool = False) -> None:
        self.errors: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 1000})
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        self.comm_messages = 0  # messages from widgets to the kernel
        self.page.on("websocket", lambda socket: socket.on("framesent", self._on_frame))
        self.page.goto(f"{url}/doc/tree/{name}?reset")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        self.page.wait_for_function(READY, timeout=60_000)
        if dark:
            self.theme("JupyterLab Dark")

    def _on_console(self, message: object) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _on_frame(self, payload: str | bytes) -> None:
        frame = payload if isinstance(payload, bytes) else payload.encode()
        self.comm_messages += b'"comm_msg"' in frame

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme, and wait until it shows."""
        light = "false" if name.endswith("Dark") else "true"
        self._command("apputils:change-theme", {"theme": name})
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
        # Two changes within a fifth of a second remove JupyterLab's splash screen twice: an error.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def _command(self, name: str, arguments: dict[str, object] | None = None) -> object:
        call = "([name, args]) => window.jupyterapp.commands.execute(name, args)"
        return self.page.evaluate(call, [name, arguments or {}])

    def run_all(self, timeout: float = 300) -> None:
        """Run all cells, and wait until the kernel is idle again."""
        # On a busy machine the command is sometimes taken before the notebook listens to it.
        for _ in range(3):
            self.page.evaluate(
                """() => { window.allRun = false;
                  window.jupyterapp.commands.execute('notebook:run-all-cells')
                    .finally(() => { window.allRun = true; }); }"""
            )
            self.page.wait_for_function("() => window.allRun", timeout=timeout * 1000)
            # The command may end before the last cells do.
            self.page.wait_for_function(READY, timeout=timeout * 1000)
            if self.page.evaluate(ANY_RUN):
                return
            self.page.wait_for_timeout(2000)

    def save(self) -> None:
        """Save the notebook, as a learner does."""
        self._command("docmanager:save")
        self.page.wait_for_function(
            "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
        )

    def change(self) -> None:
        """Change the notebook a little, so that there is something to save."""
        self.page.evaluate(
            """() => { const model = window.jupyterapp.shell.currentWidget.context.model;
              model.setMetadata('changed', String(Math.random())); }"""
        )

    def interrupt_kernel(self) -> None:
        """Press Kernel > Interrupt."""
        self._command("notebook:interrupt-kernel")

    def restart_kernel(self) -> None:
        """Start the kernel anew, and wait for it."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        self.page.wait_for_function(READY, timeout=60_000)

    def in_kernel(self, code: str) -> str:
        """Run code in the notebook's kernel; return what it printed."""
        return self.page.evaluate(IN_KERNEL, code)

    def wait_for_kernel(self, condition: str) -> None:
        """Wait until an expression is true in the kernel.

        A widget's messages go to the kernel one at a time, on another thread than the cells.
        """
        for _ in range(50):
            if self.in_kernel(f"print({condition})").strip() == "True":
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"not true in the kernel: {condition}")

    def start_cell(self, index: int) -> None:
        """Run a cell without waiting for it."""
        self.page.evaluate(
            """index => { const content = window.jupyterapp.shell.currentWidget.content;
              content.activeCellIndex = index;
              void window.jupyterapp.commands.execute('notebook:run-cell'); }""",
            index,
        )

    def wait_until_idle(self) -> None:
        """Wait until no cell runs."""
        self.page.wait_for_function(READY)

    def is_busy(self) -> bool:
        """Tell whether a cell runs."""
        return not self.page.evaluate(READY)

    def wait_until_busy(self) -> None:
        """Wait until a cell runs."""
        self.page.wait_for_function(f"() => !({READY})()")

    def widgets(self) -> Locator:
        """Return the live pictures in the page, from top to bottom."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .mygpt-live")

    def go_to(self, name: str) -> None:
        """End this notebook and open another one in the same page; `errors` begins anew."""
        self._end_kernel()
        # Put away without asking whether to save it.
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
        self.errors.clear()
        self.page.evaluate(OPEN, name)
        self.page.wait_for_function(IS_OPEN, arg=name)
        self.page.wait_for_function(READY, timeout=60_000)

    def _end_kernel(self) -> None:
        shutdown = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
        self.page.evaluate(shutdown)

    def close(self) -> None:
        """Close the page and end its kernel."""
        self._end_kernel()
        self.page.close()


def rows_of(widget: Locator) -> list[dict[str, str]]:
    """Return what the table says, the row of the tokens not shown (if there is one) last."""
    return widget.locator(":is(tbody, tfoot) tr").evaluate_all(
        """rows => rows.map(row => ({
          label: row.querySelector('th').textContent, whole: row.querySelector('th').title,
          number: row.querySelector('.number').textContent,
          state: row.querySelector('.state').textContent }))"""
    )


def set_by_keyboard(slider: Locator, steps: int) -> None:
    """Focus a slider and press an arrow key, to the right for positive steps."""
    slider.focus()
    for _ in range(abs(steps)):
        slider.press("ArrowRight" if steps > 0 else "ArrowLeft")


def settle(page: Page) -> None:
    """Wait until what was changed is painted."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))")
