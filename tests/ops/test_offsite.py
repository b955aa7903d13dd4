"""Copies elsewhere: encrypted ones only, whole or not at all, going on where one broke off."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from backend.ops.backup_folder import name_of
from backend.ops.offsite import bring_here, bring_there, copy_backups
from backend.ops.offsite_bucket import Bucket
from backend.ops.offsite_place import (
    FolderPlace,
    OffsiteError,
    OffsiteFullError,
    OffsiteMissingError,
    OffsiteRefusedError,
    OffsiteUnreachableError,
    Place,
)
from backend.ops.retention import USUAL, Keep
from backend.ops.s3_service import S3Service
from backend.ops.s3_signing import AccessKey
from backend.ops.sealed_file import MAGIC
from backend.settings.backup import BackupSettings
from tests.fakes.bucket import KEY_ID, NAME, REGION, SECRET, FakeBucket, error
from tests.fakes.clock import StillClock
from tests.fakes.site import Asked, FakeSite, Reply
from tests.ops.kill_points import silent

PART = 1000


@pytest.fixture
def bucket() -> FakeBucket:
    return FakeBucket()


@pytest.fixture
async def site(bucket: FakeBucket) -> AsyncIterator[FakeSite]:
    async with bucket.site() as running:
        yield running


@pytest.fixture
async def place(site: FakeSite) -> AsyncIterator[Bucket]:
    async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=5) as client:
        yield Bucket(service(client, site), "my house/nightly", part=PART)


def service(
    client: httpx2.AsyncClient, site: FakeSite, bucket: str = NAME, secret: str = SECRET
) -> S3Service:
    key = AccessKey(KEY_ID, secret, REGION)
    return S3Service(client, (site.url, bucket), key, StillClock(), wait=0.001)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def backup(folder: Path, clock: StillClock, size: int = 100, *, sealed: bool = True) -> Path:
    made = folder / name_of(clock.now(), sealed=sealed)
    made.write_bytes(MAGIC + os.urandom(size) if sealed else os.urandom(size))
    clock.forward(days=1)
    return made


def within(bucket: FakeBucket) -> dict[str, bytes]:
    prefix = "my house/nightly/"
    assert all(key.startswith(prefix) for key in bucket.objects)
    return {key.removeprefix(prefix): content for key, content in bucket.objects.items()}


async def test_a_bucket_gets_what_is_missing_and_gives_it_back(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock, tmp_path: Path
) -> None:
    small, large = backup(here, clock), backup(here, clock, 4 * PART + 7)
    done = await bring_there(place, here, USUAL, silent)
    assert within(bucket) == {path.name: path.read_bytes() for path in (small, large)}
    assert (done.newest, done.words) == (large.name, "2 backups lie there, 2 of them new.")
    again = await bring_there(place, here, USUAL, silent)
    assert again.words == "2 backups lie there, 0 of them new."
    fetched = await bring_here(place, "", tmp_path)
    assert (fetched.name, fetched.read_bytes()) == (large.name, large.read_bytes())
    assert fetched.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OffsiteMissingError, match="no backup parlor-x"):
        await bring_here(place, "parlor-x", tmp_path)


@pytest.mark.parametrize("kind", ["bucket", "folder"])
async def test_the_same_stay_there_as_here_and_what_is_not_ours_is_left_alone(
    kind: str, bucket: FakeBucket, place: Place, here: Path, clock: StillClock, tmp_path: Path
) -> None:
    other = tmp_path / "there"
    other.mkdir()
    there: Place = place if kind == "bucket" else FolderPlace(other)
    made = [backup(here, clock) for _ in range(4)]
    stranger = tmp_path / "holiday.jpg"
    stranger.write_bytes(b"x")
    await there.put(stranger)
    await bring_there(there, here, USUAL, silent)
    for gone in made[:2]:
        gone.unlink()
    await bring_there(there, here, Keep(2, 0, 0), silent)
    assert set(await there.names()) == {"holiday.jpg", made[2].name, made[3].name}


async def test_what_is_not_encrypted_never_leaves_whatever_its_name(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock
) -> None:
    backup(here, clock, sealed=False)
    with pytest.raises(OffsiteMissingError, match="no encrypted backup"):
        await bring_there(place, here, USUAL, silent)
    disguised = backup(here, clock)
    disguised.write_bytes(b"plain")
    sealed = backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    assert set(within(bucket)) == {sealed.name}


def test_without_a_key_nothing_is_copied(here: Path) -> None:
    settings = BackupSettings.model_construct(copy_to="/nowhere", key=None, keep="7/4/6")
    with pytest.raises(OffsiteRefusedError, match="PARLOR_BACKUP_KEY"):
        copy_backups(settings, here, say=silent)


async def test_a_copy_that_broke_off_goes_on_with_the_parts_that_are_missing(
    bucket: FakeBucket, place: Bucket, site: FakeSite, here: Path, clock: StillClock
) -> None:
    large = backup(here, clock, 5 * PART)
    bucket.page = 2
    bucket.trouble = lambda asked: error(503, "Down") if "partNumber=4" in asked.target else None
    with pytest.raises(OffsiteUnreachableError, match="cannot do that now"):
        await bring_there(place, here, USUAL, silent)
    assert within(bucket) == {}
    bucket.trouble = lambda asked: None
    site.asked.clear()
    await bring_there(place, here, USUAL, silent)
    assert within(bucket) == {large.name: large.read_bytes()}
    sent = [asked for asked in site.asked if "partNumber" in asked.target]
    assert len(sent) == 3  # the fourth to the sixth
    assert bucket.uploads == {}


async def test_a_part_that_arrived_damaged_is_sent_again(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock
) -> None:
    large = backup(here, clock, 3 * PART)
    bucket.uploads["begun"] = (f"my house/nightly/{large.name}", {1: b"damaged"})
    await bring_there(place, here, USUAL, silent)
    assert within(bucket) == {large.name: large.read_bytes()}


async def test_a_service_that_stumbles_is_asked_again(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock
) -> None:
    stumbles = iter([error(500, "InternalError"), error(429, "SlowDown"), Reply(503)])
    bucket.trouble = lambda asked: next(stumbles, None)
    made = backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    assert set(within(bucket)) == {made.name}


async def test_an_upload_for_a_backup_that_is_gone_is_given_up(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock
) -> None:
    bucket.uploads["old"] = ("my house/nightly/parlor-20200101T000000Z.tar.gz.enc", {1: b"x"})
    bucket.uploads["other"] = ("somebody else's", {1: b"x"})
    backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    assert set(bucket.uploads) == {"other"}


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (error(403, "AccessDenied"), OffsiteRefusedError, "PARLOR_BACKUP_S3_KEY_ID"),
        (error(403, "RequestTimeTooSkewed"), OffsiteRefusedError, "clock is wrong"),
        (error(404, "NoSuchBucket"), OffsiteMissingError, "NoSuchBucket"),
        (error(403, "QuotaExceeded"), OffsiteRefusedError, "QuotaExceeded"),
        (error(507, "XMinioStorageFull"), OffsiteFullError, "no more room"),
        (error(503, "SlowDown"), OffsiteUnreachableError, "cannot do that now"),
        (error(400, "InvalidRequest"), OffsiteError, "InvalidRequest"),
        (Reply(body=b"<html>a router's page"), OffsiteError, "does not speak S3"),
        (Reply(302, headers={"Location": "/"}), OffsiteError, "status 302"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_each_failure_has_its_kind_and_words(
    reply: Reply,
    kind: type[OffsiteError],
    words: str,
    bucket: FakeBucket,
    place: Bucket,
    here: Path,
    clock: StillClock,
) -> None:
    bucket.trouble = lambda asked: reply
    backup(here, clock)
    with pytest.raises(OffsiteError, match=words) as failed:
        await bring_there(place, here, USUAL, silent)
    assert type(failed.value) is kind


async def test_nobody_there_a_wrong_secret_and_a_wrong_bucket_are_told_apart(
    site: FakeSite, here: Path, clock: StillClock
) -> None:
    backup(here, clock)
    async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=5) as client:
        with pytest.raises(OffsiteRefusedError, match="SignatureDoesNotMatch"):
            await Bucket(service(client, site, secret="wrong"), "").names()
        with pytest.raises(OffsiteMissingError, match="NoSuchBucket"):
            await Bucket(service(client, site, bucket="another"), "").names()
        await site.__aexit__()
        with pytest.raises(OffsiteUnreachableError, match="cannot be reached"):
            await bring_there(Bucket(service(client, site), ""), here, USUAL, silent)
        await site.__aenter__()


async def test_parts_that_cannot_be_joined_are_no_copy_and_nothing_is_removed_for_it(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock
) -> None:
    old = backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    backup(here, clock, 3 * PART)

    def unwilling(asked: Asked) -> Reply | None:
        joining = asked.method == "POST" and "uploadId" in asked.target
        return error(200, "InternalError") if joining else None

    bucket.trouble = unwilling
    with pytest.raises(OffsiteUnreachableError, match="InternalError"):
        await bring_there(place, here, Keep(1, 0, 0), silent)
    assert set(within(bucket)) == {old.name}


async def test_a_download_that_breaks_off_leaves_nothing(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock, tmp_path: Path
) -> None:
    made = backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    headers = {"Content-Length": "5000"}
    bucket.trouble = lambda asked: (
        Reply(body=b"half", headers=headers) if made.name in asked.target else None
    )
    with pytest.raises(OffsiteUnreachableError):
        await bring_here(place, made.name, tmp_path)
    assert not (tmp_path / made.name).exists()


async def test_a_folder_that_is_not_mounted_is_not_filled(
    here: Path, clock: StillClock, tmp_path: Path
) -> None:
    made = backup(here, clock)
    there = tmp_path / "there"
    with pytest.raises(OffsiteMissingError, match="Is the disk mounted"):
        await bring_there(FolderPlace(there), here, USUAL, silent)
    assert not there.exists()
    there.mkdir()
    (there / ".parlor-left.partial").touch()
    await bring_there(FolderPlace(there), here, USUAL, silent)
    assert [path.name for path in there.iterdir()] == [made.name]
    assert (there / made.name).read_bytes() == made.read_bytes()


async def test_a_copy_of_the_wrong_size_is_made_anew(
    here: Path, clock: StillClock, tmp_path: Path
) -> None:
    made = backup(here, clock)
    there = tmp_path / "there"
    there.mkdir()
    (there / made.name).write_bytes(b"half")
    await bring_there(FolderPlace(there), here, USUAL, silent)
    assert await asyncio.to_thread((there / made.name).read_bytes) == made.read_bytes()


async def test_a_new_host_adds_to_what_the_old_one_left_there(
    bucket: FakeBucket, place: Bucket, here: Path, clock: StillClock
) -> None:
    old = backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    old.unlink()
    clock.forward(days=40)
    backup(here, clock)
    await bring_there(place, here, USUAL, silent)
    assert len(within(bucket)) == 2
