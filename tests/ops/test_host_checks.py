"""What `parlor doctor` and `/health/ready` say about the host."""

from pathlib import Path

import pytest

from backend.ops.certificates import CertificateFiles, ensure
from backend.ops.host_checks import certificate_problem, disk_problem, keys_problem
from tests.fakes.clock import StillClock


def test_a_certificate_is_good_until_two_weeks_before_its_end(
    tmp_path: Path, clock: StillClock
) -> None:
    files = CertificateFiles(tmp_path)
    ensure(files, ["parlor.lan"], clock)
    assert certificate_problem(files.server, clock) is None
    clock.forward(days=396 - 15)
    assert certificate_problem(files.server, clock) is None
    clock.forward(days=3)
    assert "ends 2027-12-" in str(certificate_problem(files.server, clock))
    clock.forward(days=30)
    assert "ended 2027-12-" in str(certificate_problem(files.server, clock))


def test_a_certificate_that_is_none_is_told_in_words(tmp_path: Path, clock: StillClock) -> None:
    assert certificate_problem(None, clock) is None
    missing = tmp_path / "missing.crt"
    assert "cannot be read" in str(certificate_problem(missing, clock))
    missing.write_text("?")
    assert "not a certificate" in str(certificate_problem(missing, clock))


def test_the_disk_of_a_folder_that_is_not_there_yet_is_that_of_the_one_above(
    tmp_path: Path,
) -> None:
    assert disk_problem(tmp_path / "not" / "yet") is None


@pytest.mark.parametrize("content", ["{", '{"tokens": [{}]}'])
def test_keys_that_cannot_be_read_are_told(content: str, tmp_path: Path, clock: StillClock) -> None:
    assert keys_problem(tmp_path, clock) is None
    (tmp_path / "keys.json").write_text(content)
    assert "damaged" in str(keys_problem(tmp_path, clock))
