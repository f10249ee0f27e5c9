"""Files appear whole or not at all."""
import pytest

from mgconv.files import whole_file


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
