"""What a person sees when Redis dies and comes back, and with a thousand devices."""

from __future__ import annotations

import re
import time

import pytest
from console_ward import status_of
from playwright.sync_api import expect

from contracts.messages.verdicts import DeviceState

pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_a_dead_redis_is_said_at_once_and_forgotten_when_it_is_back(visit, ward, own_stack):
    page = visit("/")
    expect(page.locator("#banner")).to_be_hidden()
    tile = page.locator('a.tile[href="/device/s00002"]')
    expect(tile).to_have_attribute("data-standing", "benign")
    own_stack.kill("redis")
    try:
        expect(page.locator("#banner")).to_contain_text(re.compile(r"Redis does not answer since \d\d:\d\d"))
        expect(page.locator("#sources")).to_contain_text("Redis is gone")
        expect(tile).to_be_visible()
    finally:
        own_stack.start("redis")
    expect(page.locator("#banner")).to_be_hidden()
    ward.show(status_of("s00002", DeviceState.QUARANTINED))
    expect(tile).to_have_attribute("data-standing", "quarantined")


def test_when_no_device_sends_any_more_the_page_says_so(visit, ward):
    page = visit("/")
    expect(page.locator("a.tile").first).to_be_visible()
    long_ago = time.time() - 4000
    everybody = ward.client.zrange(ward.settings.redis_keys.devices_last_seen, 0, -1)
    ward.show(*(status_of(one.decode(), received_at=long_ago) for one in everybody))
    expect(page.locator("#banner")).to_contain_text("No device sends")
    ward.show(status_of("s00001"))
    expect(page.locator("#banner")).to_be_hidden()


def test_a_thousand_devices_stay_fluid_while_all_of_them_change(visit, ward):
    devices = [f"bed-{number:04d}" for number in range(1000)]
    ward.judge(*(status_of(one) for one in devices[:40]), minutes=90)
    ward.show(*(status_of(one) for one in devices[40:]))
    page = visit("/")
    expect(page.locator('#counts button[data-standing="benign"] b')).to_have_text(re.compile(r"100\d"))
    page.evaluate(
        """() => {
            let last = performance.now();
            const tick = (now) => { window.longest = Math.max(window.longest, now - last); last = now; requestAnimationFrame(tick); };
            window.longest = 0;
            requestAnimationFrame(tick);
        }"""
    )
    for _ in range(3):
        ward.show(*(status_of(one) for one in devices))
        page.wait_for_timeout(600)
    longest_ms = page.evaluate("window.longest")
    ward.show(status_of("bed-0777", DeviceState.QUARANTINED))
    expect(page.locator('a.tile[href="/device/bed-0777"]')).to_have_attribute("data-standing", "quarantined")
    expect(page.locator("a.tile").first).to_have_attribute("href", "/device/bed-0777")
    assert page.locator("a.tile").count() >= 1000
    # Tiles out of sight are not drawn: a wall of a thousand costs what is seen of it.
    drawn = "[...document.querySelectorAll('a.tile .spark .below')].filter((one) => one.hasAttribute('d')).length"
    assert page.evaluate(drawn) < 600
    # The reader notices a stutter of a second, not of some frames; three rounds of all thousand came in two seconds.
    assert longest_ms < 1000
