"""Releases are only ever added, one over the other, and the files of bundles that may run again stay."""

from __future__ import annotations

import pytest
from release_desk import ReleaseDesk, small_bundle

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Misconfigured
from contracts.messages.bundle_manifest import MANIFEST
from contracts.messages.releases import BundleRelease
from fl_coordinator.releases.file_keeping import YOUNG_S, StoredFile, unkept_files
from fl_coordinator.releases.releaser import ReleaseReason, Superseded
from fl_coordinator.releases.succession import kept_bundles, rollback_target

BUNDLES = {name: small_bundle(name) for name in "ABCDEF"}
SHA = {name: sha256 for name, (_, sha256) in BUNDLES.items()}
SHARED = sha256_of(b"the same in every bundle")


def grounds(kind="promotion", reason="no figure is worse", **changes):
    return ReleaseReason(kind, reason, "somebody", **changes)


async def released(desk, names, kept=4):
    """Release bundles one over the other, two hours apart."""
    over = None
    for name in names:
        await desk.releaser(kept).release(*BUNDLES[name], grounds("promotion" if over else "initial"), over)
        over = SHA[name]
        desk.now += 2 * YOUNG_S


def log_of(*entries):
    """Return releases from (number, kind, bundle, over)."""
    return [
        BundleRelease(
            release=number, kind=kind, bundle_sha256=SHA[bundle], parent_sha256=SHA.get(over), model_sha256=None, reason="", released_at=1.0
        )
        for number, kind, bundle, over in entries
    ]  # fmt: skip


async def test_a_release_names_the_next_number_the_bundle_before_and_its_grounds():
    desk = ReleaseDesk()
    await released(desk, "A")
    why = grounds(model_sha256="e" * 64, canary={"clean loss: change": -0.1})
    release = await desk.releaser().release(*BUNDLES["B"], why, SHA["A"])
    assert (release.release, release.kind, release.bundle_sha256, release.parent_sha256) == (
        2,
        "promotion",
        SHA["B"],
        SHA["A"],
    )
    assert (release.model_sha256, release.canary, release.by) == ("e" * 64, {"clean loss: change": -0.1}, "somebody")
    assert release.released_at == desk.now
    assert await desk.read() == [desk.releases["1"], release]


async def test_nothing_is_released_over_a_bundle_that_the_caller_did_not_look_at():
    desk = ReleaseDesk()
    await released(desk, "AB")
    for over in (None, SHA["A"]):
        with pytest.raises(Superseded, match="released meanwhile"):
            await desk.releaser().release(*BUNDLES["C"], grounds(), over)
    assert len(desk.releases) == 2
    assert SHA["C"] not in desk.files


async def test_files_that_are_not_the_bundle_are_not_released():
    desk = ReleaseDesk()
    with pytest.raises(InvalidMessage):
        await desk.releaser().release(BUNDLES["A"][0], SHA["B"], grounds("initial"), None)
    assert not desk.releases


async def test_of_two_who_release_at_once_one_hears_that_the_other_came_later():
    desk = ReleaseDesk()
    await released(desk, "A")
    (other,) = log_of((2, "promotion", "C", "A"))
    desk.before_release = lambda: desk.releases.update({"2": other})
    with pytest.raises(Superseded, match="another release took number 2"):
        await desk.releaser().release(*BUNDLES["B"], grounds(), SHA["A"])


async def test_a_rollback_is_a_new_release_of_the_bundle_before_the_promotion():
    desk = ReleaseDesk()
    await released(desk, "AB")
    release = await desk.releaser().roll_back("devices left", "coordinator")
    assert (release.release, release.kind, release.bundle_sha256, release.parent_sha256) == (
        3,
        "rollback",
        SHA["A"],
        SHA["B"],
    )
    assert (release.reason, release.by) == ("devices left", "coordinator")


def test_a_rollback_never_leads_to_a_bundle_that_was_rolled_back():
    log = log_of((1, "initial", "A", ""), (2, "promotion", "B", "A"), (3, "rollback", "A", "B"))
    with pytest.raises(Misconfigured, match="promoted over none"):
        rollback_target(log)
    again = [*log, *log_of((4, "promotion", "C", "A"))]
    assert rollback_target(again).bundle_sha256 == SHA["A"]
    assert rollback_target(again, to=2).bundle_sha256 == SHA["B"], "unless a person says so"


@pytest.mark.parametrize(
    ("log", "to", "words"),
    [
        ([], None, "nothing to go back to"),
        (log_of((1, "initial", "A", "")), None, "promoted over none"),
        (log_of((1, "initial", "A", "")), 7, "no release 7"),
        (log_of((1, "initial", "A", ""), (2, "promotion", "B", "A")), 2, "runs already"),
    ],
)
def test_where_nothing_can_be_rolled_back_to_it_is_said_why(log, to, words):
    with pytest.raises(Misconfigured, match=words):
        rollback_target(log, to)


def test_the_bundles_that_ran_last_stay_and_always_the_current_its_parent_and_the_first():
    log = log_of(
        (1, "initial", "A", ""), (2, "promotion", "B", "A"), (3, "promotion", "C", "B"), (4, "promotion", "D", "C"),
        (5, "promotion", "E", "D"), (6, "rollback", "B", "E"),
    )  # fmt: skip
    assert kept_bundles(log, 2) == {SHA["B"], SHA["E"], SHA["A"]}
    assert kept_bundles(log[:5], 2) == {SHA["E"], SHA["D"], SHA["A"]}
    assert kept_bundles(log[:5], 4) == {SHA[name] for name in "ABCDE"}
    assert kept_bundles([], 4) == set()


async def test_files_of_older_bundles_go_after_a_release_and_shared_ones_stay():
    desk = ReleaseDesk()
    await released(desk, "ABCDE", kept=2)
    gone = {sha256_of(name.encode()) for name in "BC"} | {SHA["B"], SHA["C"]}
    stay = {sha256_of(name.encode()) for name in "ADE"} | {SHA["A"], SHA["D"], SHA["E"], SHARED}
    assert desk.files.keys() == stay
    assert not gone & desk.files.keys()
    assert len(desk.releases) == 5, "the log itself is kept"
    assert (await desk.releaser().roll_back("", "x")).bundle_sha256 == SHA["D"]


def test_files_of_a_release_in_the_making_are_too_young_to_go():
    kept = {sha256: StoredFile(0.0, content) for sha256, content in hashed("A")}
    files = kept | {"f" * 64: StoredFile(100.0, b"x")}
    assert unkept_files(files, {SHA["A"]}, 100.0 + YOUNG_S) == []
    assert unkept_files(files, {SHA["A"]}, 101.0 + YOUNG_S) == ["f" * 64]


@pytest.mark.parametrize("manifest", [None, StoredFile(0.0, b"other bytes"), StoredFile(0.0, b"")])
def test_nothing_goes_while_a_kept_bundles_manifest_is_missing_or_altered(manifest):
    files = {sha256: StoredFile(0.0, content) for sha256, content in hashed("A")} | {"f" * 64: StoredFile(0.0, b"x")}
    del files[SHA["A"]]
    if manifest:
        files[SHA["A"]] = manifest
    assert unkept_files(files, {SHA["A"]}, 1e9) == []


def hashed(name):
    contents, _ = BUNDLES[name]
    assert MANIFEST in contents
    return [(sha256_of(content), content) for content in contents.values()]
