"""Files appear whole or not at all."""
import os
import stat
import sys
import threading

import pytest

from mgconv._support.files import whole_file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_there_until_all_is(tmp_path):
    with whole_file(tmp_path / "a") as f:
        f.write(b"half")
        f.flush()
        assert "a" not in names(tmp_path)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"half"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    (tmp_path / "a").write_bytes(b"before")

    def interrupted():
        with whole_file(tmp_path / "a") as f:
            f.write(b"after")
            raise error
    with pytest.raises(error):
        interrupted()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"


def test_a_folder_in_the_way_stays(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError), whole_file(tmp_path / "a") as f:      # noqa: PT011 - the kind depends on the platform
        f.write(b"x")
    assert names(tmp_path) == ["a"]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "no" / "a"):
        pass
    with pytest.raises(OSError, match="no.a'$"), whole_file(tmp_path / "no" / "a"):        # not its hidden neighbour
        pass


def test_names_may_be_as_long_as_names_can_be(tmp_path):
    name = "a" * 251 + ".csv"
    with whole_file(tmp_path / name) as f:
        f.write(b"x")
    assert names(tmp_path) == [name]


def test_an_error_of_writing_names_the_file(tmp_path):
    def full():
        with whole_file(tmp_path / "a"):
            raise OSError(28, "No space left on device")
    with pytest.raises(OSError, match="No space left on device: .*a'$"):
        full()


def test_a_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a").write_bytes(b"before")
    for name in ("a", "new"):
        try:
            (tmp_path / name).symlink_to(tmp_path / "there" / name)
        except OSError:
            pytest.skip("links cannot be made here")
        with whole_file(tmp_path / name) as f:
            f.write(b"after")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "there" / name).read_bytes() == b"after"
    assert names(tmp_path / "there") == ["a", "new"]


@pytest.mark.skipif(sys.platform == "win32", reason="no permissions of this kind")
def test_a_file_keeps_its_permissions(tmp_path):
    (tmp_path / "a").touch(mode=0o600)
    with whole_file(tmp_path / "a") as f:
        f.write(b"secret")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    received = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with whole_file(tmp_path / "pipe") as f:
        f.write(b"through")
    reader.join()
    assert received == [b"through"]
    assert names(tmp_path) == ["pipe"]
