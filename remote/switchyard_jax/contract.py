"""What this trainer knows of contract/: defaults of a spec, what is refused, and the grid of capacity factors. remote/generateContract.ts writes it."""

import json
from pathlib import Path

CONTRACT = json.loads(Path(__file__).with_name("contract.json").read_text("utf8"))
