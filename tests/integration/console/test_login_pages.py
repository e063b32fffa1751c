"""Logging in and out as a person does, over HTTPS and without, in Debian's Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from certificate_authority import Authority
from playwright.sync_api import expect

from console.web.attempts import OF_AN_ADDRESS
from contracts.configuration.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.browser]
AXE = (Path(__file__).parents[2] / "data/axe-core/axe.min.js").read_text()
TOKEN = "a-token-of-some-length"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PAGES = ("/", "/device/p000020", "/rounds", "/replay")
HTTPS = {"ignore_https_errors": True}


@pytest.fixture(scope="module")
def guarded(corner: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a console with a token and a certificate that expires in ten days."""
    folder = tmp_path_factory.mktemp("tls")
    pair = Authority(folder, "site").issue("console", days=10.5)
    given = {"console_token": TOKEN, "console_tls_cert_file": pair.cert, "console_tls_key_file": pair.key}
    return Settings(**corner.model_dump() | given)


@pytest.fixture(scope="module")
def console(launch_console, guarded) -> Iterator:
    with launch_console(guarded) as running:
        yield running


@contextmanager
def browser_at(chromium, launch_visitor, address: str, **options) -> Iterator:
    """A browser with cookies of its own, and all that it asked others for."""
    visitor = launch_visitor(chromium, address)
    page = visitor.open("/", expect_complaints=True, **HTTPS | options)
    yield page
    visitor.close()
    assert visitor.strangers == []


@pytest.fixture
def page(chromium, launch_visitor, console) -> Iterator:
    with browser_at(chromium, launch_visitor, console.address) as page:
        yield page


def log_in(page, token: str = TOKEN) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def wall(page):
    return page.locator("#sources li").nth(1)


def test_a_person_logs_in_over_https_stays_so_and_logs_out(page, console):
    assert console.address.startswith("https://")
    expect(page).to_have_url(f"{console.address}/login?next=/")
    log_in(page, "wrong-token-of-some-length")
    expect(page.get_by_role("alert")).to_have_text("That is not this console's token.")
    log_in(page)
    expect(page).to_have_url(f"{console.address}/")
    expect(wall(page)).to_be_visible()
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (
        "__Host-fedsecure-console", True, True, "Strict",
    )  # fmt: skip
    assert cookie["expires"] - time.time() == pytest.approx(30 * 86_400, abs=120)
    assert TOKEN not in str(page.context.cookies())
    assert page.evaluate("document.cookie") == ""
    page.reload()
    expect(wall(page)).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert page.context.cookies() == []
    page.go_back()
    expect(page.get_by_label("Token")).to_be_visible()


def test_every_page_works_behind_the_login_and_complains_of_nothing(page, console, chromium, launch_visitor):
    log_in(page)
    expect(wall(page)).to_be_visible()
    visitor = launch_visitor(chromium, console.address)
    for path in PAGES:
        shown = visitor.open(path, storage_state=page.context.storage_state(), **HTTPS)
        expect(wall(shown)).to_be_visible()
        expect(shown.locator("#sources")).to_contain_text("console.crt expires in 10 days")
    visitor.close()
    assert (visitor.complaints, visitor.strangers) == ([], [])


def test_other_tabs_lead_to_the_login_by_themselves_once_it_is_over(page, console):
    log_in(page)
    expect(wall(page)).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{console.address}/rounds")
    expect(wall(other)).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(other).to_have_url(f"{console.address}/login?next=/rounds")
    log_in(other)
    expect(other).to_have_url(f"{console.address}/rounds")


def test_a_wall_screen_stays_logged_in_over_a_restart_of_the_console(chromium, launch_console, launch_visitor, guarded):
    with launch_console(guarded) as first:
        port = int(first.address.rpartition(":")[2])
        visitor = launch_visitor(chromium, first.address)
        page = visitor.open("/", expect_complaints=True, **HTTPS)
        log_in(page)
        expect(wall(page)).to_be_visible()
    expect(page.locator("#banner")).to_contain_text("No word from the console")
    with launch_console(guarded.model_copy(update={"console_port": port})):
        expect(page.locator("#banner")).to_be_hidden()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        visitor.close()
    assert visitor.strangers == []


def test_after_some_wrong_tokens_the_page_says_how_long_to_wait(chromium, launch_console, launch_visitor, guarded):
    with (
        launch_console(guarded) as console,
        browser_at(chromium, launch_visitor, console.address) as page,
    ):
        for _ in range(OF_AN_ADDRESS.at_once):
            log_in(page, "wrong-token-of-some-length")
            expect(page.get_by_role("alert")).to_have_text("That is not this console's token.")
        log_in(page)
        expect(page.get_by_role("alert")).to_have_text(re.compile(r"Too many wrong tokens: try again in \d+ s\."))


def test_without_tls_the_login_works_as_well_and_a_link_from_elsewhere_goes_on(
    chromium, launch_console, launch_visitor, guarded
):
    plain = guarded.model_copy(update={"console_tls_cert_file": None, "console_tls_key_file": None})
    with (
        launch_console(plain) as console,
        browser_at(chromium, launch_visitor, console.address) as page,
    ):
        assert console.address.startswith("http://")
        log_in(page)
        expect(wall(page)).to_be_visible()
        assert [cookie["name"] for cookie in page.context.cookies()] == ["fedsecure-console"]
        other = page.context.new_page()
        other.set_content(f'<a href="{console.address}/device/p000020">the console</a>')
        other.get_by_text("the console").click()
        expect(other.get_by_label("Token")).to_be_visible()  # a strict cookie does not come along from elsewhere
        other.get_by_text("Go on").click()
        expect(other).to_have_url(f"{console.address}/device/p000020")
        expect(wall(other)).to_be_visible()


def test_the_login_page_can_be_used_by_everybody_and_on_a_phone(chromium, console, launch_visitor):
    with browser_at(chromium, launch_visitor, console.address, **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        page.emulate_media(color_scheme="dark")
        found += page.evaluate("axe.run(document, {runOnly: ['color-contrast'], resultTypes: ['violations']})")[
            "violations"
        ]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
        assert page.evaluate("document.activeElement.id") == "token"
