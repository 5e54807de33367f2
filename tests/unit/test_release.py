from pathlib import Path

import pytest

from release import read_changes, with_release

OLD = "# Changelog\n\nHow versions work.\n\n## 0.1.0, 2026-01-01\n\n* First.\n"


def test_changes_become_a_dated_section_before_older_releases(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("How to.")
    (tmp_path / "b.fixed.md").write_text("* A leak.\n")
    (tmp_path / "c.added.md").write_text("* A filter,\n  by tags.\n")
    (tmp_path / "a.fixed.md").write_text("* A crash.\n")
    assert with_release(OLD, "0.2.0", "2026-02-03", read_changes(tmp_path)) == (
        "# Changelog\n\nHow versions work.\n\n## 0.2.0, 2026-02-03\n\n"
        "### Added\n\n* A filter,\n  by tags.\n\n### Fixed\n\n* A crash.\n* A leak.\n\n"
        "## 0.1.0, 2026-01-01\n\n* First.\n"
    )


def test_a_section_that_was_begun_gets_its_date_and_the_changes() -> None:
    begun = OLD.replace("## 0.1.0, 2026-01-01", "## 0.2.0, unreleased\n\n* Begun.\n\n## 0.1.0, 2026-01-01")
    assert with_release(begun, "0.2.0", "2026-02-03", {"added": ["* More."]}) == (
        "# Changelog\n\nHow versions work.\n\n## 0.2.0, 2026-02-03\n\n* Begun.\n\n### Added\n\n* More.\n\n"
        "## 0.1.0, 2026-01-01\n\n* First.\n"
    )


def test_a_section_that_was_begun_for_another_version_is_not_passed_over() -> None:
    begun = OLD.replace("2026-01-01", "unreleased")
    with pytest.raises(SystemExit, match=r"0\.1\.0 is not released yet"):
        with_release(begun, "0.2.0", "2026-02-03", {"added": ["* More."]})


def test_a_version_is_released_once_and_not_without_changes() -> None:
    with pytest.raises(SystemExit, match="released already"):
        with_release(OLD, "0.1.0", "2026-02-03", {"added": ["* More."]})
    with pytest.raises(SystemExit, match="nothing to release"):
        with_release(OLD, "0.2.0", "2026-02-03", {})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("filter.md", "* A filter.", "NAME.KIND.md"),
        ("filter.new.md", "* A filter.", "NAME.KIND.md"),
        ("added.md", "* A filter.", "NAME.KIND.md"),
        ("filter.added.md", "A filter.", "list item"),
        ("filter.added.md", "", "list item"),
    ],
)
def test_a_fragment_that_would_be_lost_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit, match=message):
        read_changes(tmp_path)


def test_the_changes_that_wait_are_sound() -> None:
    read_changes(Path(__file__).resolve().parents[2] / "changes")
