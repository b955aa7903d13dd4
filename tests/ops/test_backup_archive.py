"""What a backup of unknown origin may try, and that none of it leaves its folder."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.ops.archive import BackupError
from backend.ops.archive_reading import read_about, read_archive

ABOUT = {"format": 1, "parlor": "0.1.0", "schema_number": 1, "made_at": "2026-11-20T12:00:00Z"}
HELLO = b"hello"

type Member = tuple[tarfile.TarInfo, bytes]


def file(path: str, content: bytes = HELLO, kind: bytes = tarfile.REGTYPE) -> Member:
    header = tarfile.TarInfo(path)
    header.type, header.size, header.mode = kind, len(content), 0o644
    return header, content


def link(kind: bytes, path: str, target: str) -> Member:
    header, content = file(path, b"", kind)
    header.linkname = target
    return header, content


def text(path: str, content: object) -> Member:
    return file(path, json.dumps(content).encode())


def manifest(*members: Member, **more: object) -> Member:
    files = [
        {"path": header.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for header, content in members
        if header.isreg()
    ]
    return text("manifest.json", ABOUT | {"files": files} | more)


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    def packed(*members: Member, format: int = tarfile.PAX_FORMAT) -> Path:  # noqa: A002  # tarfile's word
        path = tmp_path / "parlor-20261120T120000Z.tar.gz"
        with tarfile.open(path, "w:gz", format=format) as archive:
            for header, content in members:
                archive.addfile(header, io.BytesIO(content))
        return path

    return packed


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "target"
    folder.mkdir(parents=True)
    return folder


def whole(*members: Member) -> tuple[Member, ...]:
    """With what comes first and last."""
    return text("backup.json", ABOUT), *members, manifest(*members)


def refuses(archive: Path, target: Path, words: str = "") -> None:
    """Looking and unpacking, and nothing lies beside the folder."""
    around = target.parents[1]
    before = set(around.rglob("*"))
    with pytest.raises(BackupError, match=words):
        read_archive(archive)
    place = target / "here"
    place.mkdir()
    with pytest.raises(BackupError, match=words):
        read_archive(archive, place)
    assert not any(path.is_symlink() for path in place.rglob("*"))
    shutil.rmtree(place)
    assert set(around.rglob("*")) == before


def test_a_plain_one_is_taken(pack: Callable[..., Path], target: Path) -> None:
    archive = pack(*whole(file("state/a"), file(f"state/b/{'ü' * 120}")))
    assert read_archive(archive) == read_archive(archive, target)
    assert (target / "a").read_bytes() == HELLO
    assert (target / "b" / ("ü" * 120)).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../outside", "state/../../outside", "state/a/../../../outside"),
        *("state//etc/passwd", "state/./a", "state/..", "state/", "state", "outside", "State/a"),
        *("state/" + "n" * 300, "state/" + "d/" * 100 + "f", "state/" + "x/" * 3000),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(
    path: str, pack: Callable[..., Path], target: Path
) -> None:
    refuses(pack(*whole(file(path))), target, "no whole backup")


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE),
        *(tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.SOLARIS_XHDTYPE, b"Z"),
    ],
)
def test_only_files_and_folders_are_taken(
    kind: bytes, pack: Callable[..., Path], target: Path
) -> None:
    refuses(pack(*whole(link(kind, "state/a", "../../outside"))), target, "no whole backup")


def test_a_file_behind_a_link_is_refused(pack: Callable[..., Path], target: Path) -> None:
    members = (link(tarfile.SYMTYPE, "state/a", ".."), file("state/a/outside"))
    refuses(pack(*whole(*members)), target, "neither a file nor a folder")


def test_long_names_in_the_way_of_gnu_are_refused(pack: Callable[..., Path], target: Path) -> None:
    archive = pack(*whole(file("state/" + "n" * 150)), format=tarfile.GNU_FORMAT)
    refuses(archive, target, "neither a file nor a folder")


def test_a_name_that_comes_twice_is_refused(pack: Callable[..., Path], target: Path) -> None:
    refuses(pack(*whole(file("state/a"), file("state/a"))), target, "twice")
    refuses(pack(*whole(text("backup.json", ABOUT))), target, "twice")


def test_a_file_inside_a_file_is_refused(pack: Callable[..., Path], target: Path) -> None:
    archive = pack(*whole(file("state/a"), file("state/a/b")))
    with pytest.raises(BackupError, match="inside a file"):
        read_archive(archive, target)


def test_what_is_not_listed_or_not_there_is_refused(
    pack: Callable[..., Path], target: Path
) -> None:
    about, first, second = text("backup.json", ABOUT), file("state/a"), file("state/b")
    for members in (
        (about, first, second, manifest(first)),
        (about, first, manifest(first, second)),
        (about, first, manifest(file("state/a", b"other"))),
        (about, first, manifest(first, schema_number=2)),
        (about, first),
        (about, first, text("manifest.json", {"files": "no"})),
        (about, first, manifest(first), second),
    ):
        refuses(pack(*members), target, "no whole backup")


def test_what_does_not_begin_as_ours_is_refused(pack: Callable[..., Path], target: Path) -> None:
    first = file("state/a")
    for members in (
        (),
        (first, manifest(first)),
        (text("backup.json", {"format": "?"}), first, manifest(first)),
        (file("backup.json", b"\xff"), first, manifest(first)),
    ):
        archive = pack(*members)
        refuses(archive, target, "no whole backup")
        with pytest.raises(BackupError):
            read_about(archive)


def test_a_format_of_the_future_is_told_in_words(pack: Callable[..., Path], target: Path) -> None:
    newer = ABOUT | {"format": 3, "parlor": "9.0"}
    refuses(pack(text("backup.json", newer), file("a")), target, "Parlor 9.0 in a newer format")


def test_wherever_it_is_cut_off_it_is_refused(pack: Callable[..., Path], target: Path) -> None:
    archive = pack(*whole(file("state/a", bytes(range(256)) * 40), file("state/b")))
    content = archive.read_bytes()
    for length in range(0, len(content), 7):
        archive.write_bytes(content[:length])
        with pytest.raises(BackupError, match="no whole backup"):
            read_archive(archive)


def test_wherever_a_bit_has_changed_it_is_refused_or_the_same(
    pack: Callable[..., Path], target: Path
) -> None:
    """A few bits of gzip (a time, a system, what fills the last byte) mean nothing."""
    archive = pack(*whole(file("state/a", bytes(range(256))), file("state/b")))
    content, right = archive.read_bytes(), read_archive(archive)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x10
        archive.write_bytes(changed)
        try:
            found = read_archive(archive)
        except BackupError:
            continue
        assert found == right


@pytest.mark.parametrize("size", [2**30, 2**50, 0])
def test_an_extended_header_of_any_size_is_not_held_in_memory(
    size: int, tmp_path: Path, target: Path
) -> None:
    header = tarfile.TarInfo("./PaxHeaders/a")
    header.type, header.size = tarfile.XHDTYPE, size
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as archive:
        archive.write(header.tobuf(tarfile.GNU_FORMAT))
        archive.write(bytes(100_000))
    refuses(path, target, "too long")


@pytest.mark.parametrize(
    "records",
    [
        *(b"9 path=a\n", b"99 path=state/a\n", b"0 path=\n", b"path=a", b"12 path=\xff\xff\xff\n"),
        *(b"13 size=-100\n", b"12 uid=1000\n", b"14 path=state/a\n99"),
    ],
)
def test_a_broken_extended_header_is_refused(records: bytes, tmp_path: Path, target: Path) -> None:
    header = tarfile.TarInfo("./PaxHeaders/a")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    path = tmp_path / "odd.tar.gz"
    with gzip.open(path, "wb") as archive:
        archive.write(header.tobuf() + records + bytes(-len(records) % 512))
        archive.write(tarfile.TarInfo("state/a").tobuf() + bytes(1024))
    refuses(path, target, "no whole backup")


def test_it_may_not_be_larger_than_it_was_when_it_was_checked(
    pack: Callable[..., Path], target: Path
) -> None:
    archive = pack(*whole(file("state/a", bytes(1_000_000))))
    with pytest.raises(BackupError, match="larger than it may be"):
        read_archive(archive, target, most=999_999)
    assert list(target.iterdir()) == []
    read_archive(archive, target, most=1_000_000)


def test_other_files_are_told_in_words(tmp_path: Path, target: Path) -> None:
    for content in (b"", b"hello", bytes(10_000), gzip.compress(b"hello"), b"\x1f\x8b" * 99):
        path = tmp_path / "photo.jpg"
        path.write_bytes(content)
        refuses(path, target, "photo.jpg is no whole backup")


def test_rights_beyond_those_of_a_file_are_dropped(pack: Callable[..., Path], target: Path) -> None:
    member = file("state/a")
    member[0].mode = 0o7777
    read_archive(pack(*whole(member)), target)
    assert (target / "a").stat().st_mode & 0o7777 == 0o755
