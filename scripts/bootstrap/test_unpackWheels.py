"""Wheels are laid out as pip would, and none can write outside its folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

SCRIPT = Path(__file__).with_name("unpackWheels.py")


def unpack(wheels, target):
    return subprocess.run([sys.executable, SCRIPT, wheels, target], capture_output=True, text=True, check=False)


def make_wheel(path, files):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)


def test_all_wheels_of_a_folder_share_a_target(tmp_path):
    make_wheel(tmp_path / "in/a.whl", {"torch/lib/a.so": b"a" * 100, "torch/include/a.h": b""})
    make_wheel(tmp_path / "in/b.whl", {"nvidia/b/lib/b.so": b"b"})
    done = unpack(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/torch/lib/a.so").read_bytes() == b"a" * 100
    assert (tmp_path / "out/torch/include/a.h").read_bytes() == b""
    assert (tmp_path / "out/nvidia/b/lib/b.so").read_bytes() == b"b"


def test_a_large_file_tells_how_far_it_is(tmp_path):
    make_wheel(tmp_path / "in/a.whl", {"large": bytes(20 << 20)})
    assert unpack(tmp_path / "in", tmp_path / "out").stdout.splitlines() == ["8 of 21 MB", "17 of 21 MB"]


def test_a_path_out_of_the_target_is_refused(tmp_path):
    make_wheel(tmp_path / "in/a.whl", {"../outside": b"x"})
    done = unpack(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 1
    assert "holds a file outside its folder: ../outside" in done.stderr
    assert not (tmp_path / "outside").exists()


def test_a_folder_without_wheels_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    done = unpack(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 1
    assert "there are no wheels in" in done.stderr
