"""Which bundle is in force, which one a rollback returns to, and which ones are kept."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.errors import Misconfigured
from contracts.messages.releases import BundleRelease

LISTED = "`fedsecure bundles` lists the releases"


def current_release(releases: Sequence[BundleRelease]) -> BundleRelease | None:
    """Return the release that counts: the highest number."""
    return max(releases, key=lambda release: release.release, default=None)


def rollback_target(releases: Sequence[BundleRelease], to: int | None = None) -> BundleRelease:
    """Return the release whose bundle is to run again: number `to`, or the one that the current bundle was promoted over.

    Never what was rolled back before: that is the parent of nothing. Raises Misconfigured when there is none.
    """
    current = current_release(releases)
    if current is None:
        raise Misconfigured("no bundle has been released yet: there is nothing to go back to")
    if to is None:
        target = _promoted_over(releases, current)
        if target is None:
            raise Misconfigured(
                f"bundle {current.bundle_sha256[:12]}, which runs, was promoted over none on record: name a release with --to; {LISTED}"
            )
        return target
    named = next((release for release in releases if release.release == to), None)
    if named is None:
        raise Misconfigured(f"there is no release {to}: {LISTED}")
    if named.bundle_sha256 == current.bundle_sha256:
        raise Misconfigured(f"bundle {current.bundle_sha256[:12]} of release {to} runs already: {LISTED}")
    return named


def kept_bundles(releases: Sequence[BundleRelease], count: int) -> set[str]:
    """Return the sha256 of the bundles whose files must stay: the `count` that ran last.

    Always among them: the current one, the one it was promoted over, and the first of all.
    """
    current = current_release(releases)
    if current is None:
        return set()
    newest_first = sorted(releases, key=lambda release: release.release, reverse=True)
    by_age = list(dict.fromkeys(release.bundle_sha256 for release in newest_first))
    parent = _promoted_over(releases, current)
    always = {current.bundle_sha256, newest_first[-1].bundle_sha256} | ({parent.bundle_sha256} if parent else set())
    return set(by_age[:count]) | always


def _promoted_over(releases: Sequence[BundleRelease], current: BundleRelease) -> BundleRelease | None:
    made = _introduced_by(releases, current.bundle_sha256)
    return _introduced_by(releases, made.parent_sha256) if made else None


def _introduced_by(releases: Sequence[BundleRelease], bundle_sha256: str | None) -> BundleRelease | None:
    """Return the release by which a bundle first came, a rollback's target at its promotion."""
    of_bundle = [release for release in releases if release.bundle_sha256 == bundle_sha256]
    return min(of_bundle, key=lambda release: release.release, default=None)
