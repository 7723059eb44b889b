"""What the tests of several widgets use."""

import anywidget
import pytest


@pytest.fixture
def sent(monkeypatch):
    """Collect what widgets send to the browser."""
    messages = []
    monkeypatch.setattr(
        anywidget.AnyWidget, "_send", lambda self, message, buffers=None: messages.append(message)
    )
    return messages
