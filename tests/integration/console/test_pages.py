"""What a person sees: every page against a real Kafka and Redis, in Debian's Chromium."""

from __future__ import annotations

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from console_ward import MARKUP, ODD, UNUSUAL, status_of
from PIL import Image
from playwright.sync_api import expect

from console.sources.redis_watch import EVERY_S
from contracts.messages.verdicts import DeviceState
from fedsecure.demo.pictures import find_browser, take_pictures

pytestmark = [pytest.mark.integration, pytest.mark.browser]
AXE = (Path(__file__).parents[2] / "data/axe-core/axe.min.js").read_text()
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PAGES = ("/", "/device/p000020", "/rounds", "/replay")


def tile(page, device_id: str):
    return page.locator(f'a.tile[href="/device/{device_id}"]')


def until(page, expression: str) -> None:
    """Wait for it from here: Playwright's own wait would evaluate inside the page, which the policy forbids."""
    deadline = time.monotonic() + 60
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"still not: {expression}"
        page.wait_for_timeout(50)


def count(page, standing: str):
    return page.locator(f'#counts button[data-standing="{standing}"] b')


def test_the_wall_shows_each_device_with_its_state_score_age_and_reason(visit):
    page = visit("/")
    bad = tile(page, "p000020")
    expect(bad).to_have_attribute("data-standing", "quarantined")
    expect(bad).to_contain_text("Quarantined")
    expect(bad.locator(".why")).to_have_text(re.compile("^Heart rate swinging more than usual"))
    expect(bad).to_contain_text(re.compile(r"5\.3 limit 1\.3"))
    expect(bad).to_contain_text(re.compile(r"\d+ (s|min) ago"))
    expect(bad.locator(".spark .above")).to_have_attribute("d", re.compile("M.*L"))
    expect(tile(page, "silent")).to_contain_text("No fresh data")
    expect(tile(page, "newborn")).to_contain_text("62 % of its own normal learnt")
    expect(tile(page, "s00002").locator(".why")).to_have_text(UNUSUAL.replace("enrolment", "Enrolment"))
    expect(tile(page, "s00001").locator(".why")).to_be_empty()
    expect(count(page, "benign")).to_have_text("2")
    assert page.locator("a.tile").first.get_attribute("href") == "/device/p000020", "what is worst comes first"


def test_a_device_that_is_quarantined_turns_on_the_wall_by_itself(visit, ward):
    page = visit("/")
    expect(tile(page, "s00001")).to_have_attribute("data-standing", "benign")
    expect(tile(page, "s00001")).to_have_attribute("data-standing", "benign")
    page.evaluate(
        """() => new MutationObserver((seen, self) => {
            if (document.querySelector('a.tile[href="/device/s00001"]').dataset.standing !== 'quarantined') return;
            window.seenAt = Date.now() / 1000;
            self.disconnect();
        }).observe(document.body, {subtree: true, attributeFilter: ['data-standing']})"""
    )
    ward.show(status_of("s00001", DeviceState.QUARANTINED))
    written_at = time.time()
    expect(page.locator("#news")).to_contain_text("s00001: Quarantined")
    expect(count(page, "quarantined")).to_have_text("2")
    # Both clocks are this machine's. Redis is read twice a second, so two readings and a second on top are plenty.
    assert page.evaluate("window.seenAt") - written_at < 2 * EVERY_S + 1.0
    ward.show(status_of("s00001"))
    expect(tile(page, "s00001")).to_have_attribute("data-standing", "benign")


def test_the_device_page_shows_vitals_reconstruction_score_and_what_happened(visit):
    page = visit("/device/p000020")
    expect(page.locator("h1")).to_have_text("p000020")
    expect(page.locator("#title")).to_contain_text("Quarantined")
    expect(page.locator("#changes li").first).to_contain_text("Quarantined")
    expect(page.locator("#rounds")).to_contain_text("update accepted")
    expect(page.get_by_role("img", name=re.compile("Heart rate. Latest 8"))).to_be_visible()
    page.locator("#numbers summary").click()
    expect(page.locator("#table tbody tr")).to_have_count(60)
    expected = "() => import('/static/device.js') && document.querySelectorAll('.chart canvas').length"
    assert page.evaluate(expected) == 3
    until(page, "document.body.dataset.expected > 400")


def test_a_name_is_shown_as_it_is_written_and_found_by_it(visit):
    page = visit("/")
    expect(tile(page, "newborn").locator(".name")).to_have_text(f"{MARKUP} newborn")
    expect(tile(page, "shaky").locator("bdi")).to_have_text(ODD)
    for wanted, found in (
        ("icu</b>_03", ["newborn"]),
        ("العناية", ["shaky"]),
        ("P0000_20", []),
        ("p000020", ["p000020"]),
    ):
        page.locator("#find").fill(wanted)
        for device_id in found:
            expect(page.locator(f'a.tile[href="/device/{device_id}"]')).to_be_visible()
        expect(page.locator("a.tile")).to_have_count(len(found))
    page = visit("/device/newborn")
    expect(page.locator("h1")).to_have_text(f"{MARKUP} newborn")
    assert page.title() == f"{MARKUP} · FedSecure"
    page = visit("/device/New_Born")
    expect(page).to_have_url(re.compile("/device/new-born$"))


@pytest.mark.parametrize("path", ["/device/shaky", "/device/newborn"])
def test_an_odd_name_makes_no_page_wider_than_a_phone(visit, path):
    page = visit(path, **PHONE)
    expect(page.locator("h1 .label")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_chip_of_a_round_has_the_name(visit):
    page = visit("/rounds", **PHONE)
    page.get_by_role("button", name="1", exact=True).click()
    expect(page.locator("#detail a", has_text="shaky")).to_contain_text(ODD)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_chart_is_zoomed_by_button_keyboard_and_mouse(visit):
    page = visit("/device/p000020")
    span = "document.body.dataset.shownMinutes"
    until(page, f"{span} == 600")
    page.get_by_role("button", name="1 h", exact=True).click()
    until(page, f"{span} == 60")
    chart = page.get_by_role("img", name=re.compile("Score against limit"))
    chart.focus()
    page.keyboard.press("-")
    until(page, f"{span} == 120")
    page.keyboard.press("0")
    until(page, f"{span} == 600")
    box = chart.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 40, steps=4)
    page.mouse.up()
    until(page, f"{span} > 100 && {span} < 200")


def test_the_rounds_page_says_who_took_part_who_sat_out_and_why(visit, ward):
    page = visit("/rounds")
    expect(page.locator("#latest")).to_contain_text("Round 3 committed")
    expect(page.locator("#detail")).to_contain_text("Sat out: its data is not trusted (quarantined) (1)")
    page.get_by_role("button", name="2", exact=True).click()
    expect(page.locator("#detail")).to_contain_text("skipped — too few devices may train")
    expect(page.locator("#models li").first).to_contain_text("030303030303")
    expect(page.locator("#models li")).to_have_count(3)
    ward.train(4, ["s00001", "s00002"], {}, model_sha256="03" * 32)
    expect(page.locator("#latest")).to_contain_text("Round 4 committed")


def test_the_replay_page_holds_the_verdict_against_the_truth_and_asks_for_an_attack(visit, ward, corner):
    page = visit("/replay")
    attack = page.locator(".attack", has_text="p000020")
    expect(attack).to_contain_text("Quarantined 20 min after it began")
    page.locator("#device").select_option("s00002")
    page.locator("#duration").fill("30")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#asked")).to_contain_text("backdoor-1 on s00002 was asked for")
    ward.tell_truth("s00002", 112_000_590, 112_000_620, "backdoor-1")
    expect(page.locator(".attack", has_text="s00002")).to_contain_text("Under way for 9 min, not excluded so far")


def test_everything_can_be_done_with_the_keyboard_alone(visit):
    page = visit("/")
    expect(tile(page, "p000020")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('a.tile')"):
            break
    expect(tile(page, "p000020")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tile(page, "p000020")).not_to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('ul').matches('.calm')"), "one Tab passes all tiles of a group"
    page.keyboard.press("/")
    page.keyboard.type("p0000")
    expect(page.locator("a.tile")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("a.tile")).to_have_count(6)
    tile(page, "p000020").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("p000020")


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious_in_light_and_dark(visit, path):
    page = visit(path, color_scheme="light")
    page.locator("#sources li").nth(1).wait_for()
    page.wait_for_timeout(500)
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)  # colours fade over
    found += page.evaluate("axe.run(document, {runOnly: ['color-contrast'], resultTypes: ['violations']})")[
        "violations"
    ]
    assert [
        (one["id"], node["target"], node["any"][0]["message"] if node["any"] else one["help"])
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_every_page_without_scrolling_sideways(visit, path):
    page = visit(path, **PHONE)
    page.locator("#sources li").nth(1).wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_script_that_got_into_a_page_does_not_run(visit):
    page = visit("/", expect_complaints=True)
    page.evaluate(
        """() => {
            const attempt = (step) => { try { step(); } catch (refused) { window.refused = (window.refused ?? 0) + 1; } };
            const inline = document.createElement('script');
            attempt(() => { inline.append('window.ran = 1'); document.body.append(inline); });
            attempt(() => { document.body.innerHTML += '<img src=x onerror="window.ran = 1">'; });
            attempt(() => { document.body.setAttribute('onclick', 'window.ran = 1'); document.body.click(); });
            document.addEventListener('securitypolicyviolation', (event) => { window.kept = event.effectiveDirective; });
            new Image().src = 'https://192.0.2.1/steal';
        }"""
    )
    until(page, "window.kept === 'img-src'")
    assert page.evaluate("window.ran") is None


def test_pictures_are_saved_in_light_dark_and_as_on_a_phone(chromium, console, tmp_path, monkeypatch):
    monkeypatch.setattr("fedsecure.demo.pictures.SETTLE_MS", 1000.0)
    with ThreadPoolExecutor(1) as aside:  # this thread's loop is Playwright's already
        taken = aside.submit(take_pictures, find_browser(), console.address, {"devices": "/"}, tmp_path).result()
    shown = {file.stem: Image.open(io.BytesIO(file.read_bytes())) for file in taken}
    assert {name: picture.size for name, picture in shown.items()} == {
        "devices-light": (1600, 1000), "devices-dark": (1600, 1000), "devices-phone": (390, 844),
    }  # fmt: skip
    light, dark = (shown[f"devices-{scheme}"].convert("L") for scheme in ("light", "dark"))
    assert light.getpixel((5, 990)) > 200 > dark.getpixel((5, 990))
    assert light.getextrema()[0] < 60, "something is written on it"
