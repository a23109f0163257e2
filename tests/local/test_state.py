"""The data directory and what must be on the machine."""

from pathlib import Path

import pytest

from local import prerequisites
from local.serving import CannotStart
from local.state import State


def test_fresh_wipes_what_a_cloud_made_and_nothing_else(tmp_path: Path) -> None:
    """Somebody's file beside it survives; keys, data, mails and exports go."""
    state = State(tmp_path)
    with state.held():
        state.keys.write_text("{}")
        for directory in (state.blobs, state.hubs, state.mail, state.exports):
            (directory / "something").write_text("x")
        (tmp_path / "notes.txt").write_text("mine")
    with state.held(fresh=True):
        left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"notes.txt", "lock"}


def test_data_is_kept_and_logs_tell_about_one_run(tmp_path: Path) -> None:
    """A second start finds the data, and empty logs."""
    state = State(tmp_path)
    with state.held():
        (state.blobs / "data").write_text("x")
        (state.logs / "host.log").write_text("x")
    with state.held():
        assert (state.blobs / "data").exists()
        assert not (state.logs / "host.log").exists()


def test_a_directory_serves_one_cloud_at_a_time(tmp_path: Path) -> None:
    """Two writers would destroy each other's data."""
    with (
        State(tmp_path).held(),
        pytest.raises(CannotStart, match="Another local cloud uses"),
        State(tmp_path).held(),
    ):
        pass


@pytest.mark.parametrize("lost", ["azurite", "eventhubs"])
def test_checkpoints_and_logs_are_kept_or_wiped_together(tmp_path: Path, lost: str) -> None:
    """Half of them would stop a partition or send everything twice: start with --fresh."""
    with State(tmp_path).held():
        pass
    (tmp_path / lost).rmdir()
    with pytest.raises(CannotStart, match="--fresh"), State(tmp_path).held():
        pass
    with State(tmp_path).held(fresh=True):
        assert (tmp_path / lost).is_dir()


def test_another_python_is_told_what_to_do() -> None:
    """The Functions worker runs on 3.13 alone."""
    prerequisites.check_python((3, 13))
    with pytest.raises(CannotStart, match=r"Python 3\.13 is needed, this is 3\.14.*make setup"):
        prerequisites.check_python((3, 14))


def test_a_python_without_the_requirements_is_told_what_to_do() -> None:
    """Rather than shown a traceback of an import."""
    with pytest.raises(CannotStart, match=r"no_such_package is missing.*make setup"):
        prerequisites.check_python((3, 13), package="no_such_package")


def test_a_missing_node_or_azurite_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come by `make setup`, if Node.js is there."""
    with pytest.raises(CannotStart, match="make setup"):
        prerequisites.azurite(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match=r"Node\.js 20.*make setup"):
        prerequisites.node()
