"""What maintainers run: `python -m tools.refresh` stores lessons, `tools.edges` tries them."""

import sys

# jsonschema, which checks notebooks, would build a parser for internationalized web addresses: a
# second and a half in every process. No notebook has any. `pytest -p tools` spares it nbval, too.
sys.modules.setdefault("rfc3987_syntax", None)
