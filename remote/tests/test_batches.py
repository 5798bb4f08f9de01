"""The data pipeline gives the very batches of trainer/data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import ROOT, run_node
from runs import make_run, make_text, tiny_spec
from switchyard_jax.data.batches import count_tokens
from switchyard_jax.data.pairs import open_batches
from switchyard_jax.data.prepared import open_prepared
from switchyard_jax.failure import RunFailure
from switchyard_jax.spec import read_spec


def pairs_file(folder: Path) -> Path:
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps({"input": f"{i} and {i * 7919 % 997}" * (1 + i % 4), "target": f"{i * 31 % 101}" * (1 + i % 9)}) + "\n" for i in range(200)))
    return path


CASES: dict[str, dict[str, Any]] = {
    "span corruption": {},
    "short spans, many epochs": {"data": {"inputLength": 40, "targetLength": 30, "corruptionRate": 0.4, "meanSpanLength": 1.5}},
    "causal": {"model": {"architecture": "decoder-only"}, "data": {"objective": "causal"}},
    "pairs": {"data": {"objective": "text-to-text"}},
    "pairs of a decoder": {"model": {"architecture": "decoder-only"}, "data": {"objective": "text-to-text"}},
}


@pytest.mark.parametrize("case", CASES)
def test_batches_are_those_of_the_typescript(tmp_path: Path, case: str) -> None:
    changes = CASES[case]
    source = {"kind": "jsonl", "paths": [str(pairs_file(tmp_path))]} if "pairs" in case else {"kind": "files", "paths": [str(make_text(tmp_path / "text"))]}
    spec = tiny_spec(tmp_path, **{**changes, "data": {**changes.get("data", {}), "source": source}})
    run = make_run(tmp_path / "run", spec)
    positions = [0, 8, 5000, 123456, 2 ** 32 - 3]
    expected = json.loads(run_node(ROOT / "remote/tests/batches.ts", str(run), *map(str, positions)))
    whole = read_spec(run, None)
    batches = open_batches(open_prepared(run, whole["data"]["tokenizer"], lambda *_: None), whole)
    assert batches.evaluation_batches == len(expected["evaluation"])
    made = [batches.training(position) for position in positions]
    assert [count_tokens(batch, 0) for batch in made] == expected["tokens"]
    made += [batches.evaluation(i) for i in range(batches.evaluation_batches)]
    for batch, wanted in zip(made, expected["training"] + expected["evaluation"], strict=True):
        assert set(batch) == set(wanted)
        for name, ids in batch.items():
            np.testing.assert_array_equal(ids, wanted[name])


def test_damaged_data_is_refused_in_a_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(make_text(tmp_path / "text")))
    spec = read_spec(run, None)
    folder = Path(json.loads((run / "data.json").read_text())["directory"])
    whole = (folder / "training.bin").read_bytes()
    (folder / "training.bin").write_bytes(whole[:1000])
    with pytest.raises(RunFailure, match="cut short; send the data again"):
        open_batches(open_prepared(run, spec["data"]["tokenizer"], lambda *_: None), spec)
    (folder / "training.bin").write_bytes(whole)
    (run / "data.json").unlink()
    with pytest.raises(RunFailure, match="data.json can't be read"):
        open_prepared(run, spec["data"]["tokenizer"], lambda *_: None)
