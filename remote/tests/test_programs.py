import os

from switchyard_jax.programs import forget_unused


def test_the_programs_used_last_stay_within_the_limit(tmp_path):
    for number in range(6):
        file = tmp_path / f"jit_step-{number}-cache"
        file.write_bytes(bytes(1000))
        os.utime(file, (1000 + number, 500))
    forget_unused(tmp_path, 3500)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["jit_step-3-cache", "jit_step-4-cache", "jit_step-5-cache"]
    forget_unused(tmp_path, 3500)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_program_just_written_counts_as_used(tmp_path):
    for name, read, written in (("old", 2000, 1000), ("new", 100, 3000)):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (read, written))
    forget_unused(tmp_path, 10)
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


def test_no_folder_yet_is_nothing_to_do(tmp_path):
    forget_unused(tmp_path / "none")
