"""The browser's end of the wire, for widgets that are tested without a browser."""

from __future__ import annotations

import base64

import torch

from mygpt_helpers import Step

VIEW = "application/vnd.jupyter.widget-view+json"


def from_browser(widget, **state):
    """Hand a widget the message that a drag ends with."""
    widget._handle_msg({"content": {"data": {"method": "update", "state": state}}})


def twin_of(widget):
    """Return the text twin of a widget that has a still picture, too."""
    data, metadata = widget._repr_mimebundle_()
    assert set(data) == {VIEW, "image/png", "text/plain"}
    assert data[VIEW]["model_id"] == widget.model_id
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    return data["text/plain"]


def step_of(logits, ids=(0,)):
    """Return a trace's step with these logits."""
    logits = torch.as_tensor(logits)
    probs = logits.detach().float().softmax(dim=-1)
    return Step(torch.tensor(ids), logits, probs, probs > 0, int(probs.argmax()), None)
