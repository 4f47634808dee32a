"""The live page in Chromium, with a service under load: what it shows, by mouse and keyboard, and what it refuses."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import browser
import pytest
from busy import HOSTILE

from historian import Key, Registry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
if browser.find() is None:
    pytest.skip("there is no Chromium: on Debian, apt-get install chromium", allow_module_level=True)

HELPERS = Path(browser.__file__).parent
NUMBER = 12  # recorders, beside one of sizes and one with a hostile name
FIRST = "request{method=GET,route=/0}"  # the busiest


@contextlib.contextmanager
def ended(process):
    """Kill a process at the end."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def serving(directory, port=0):
    """Serve a directory; yield the URL of the page."""
    command = [sys.executable, "-m", "historian", "serve", str(directory), "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with ended(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)) as process:
        said = ""
        while not (match := re.search(r"(http://\S+/) is ready", said)):
            said += (line := process.stderr.readline())
            assert line, said  # it has ended
        yield match[1]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    found = tmp_path_factory.mktemp("live") / "d"
    command = [sys.executable, str(HELPERS / "busy.py"), str(found), str(NUMBER)]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout.readline() == "busy\n"
        yield found


@pytest.fixture(scope="module")
def url(directory):
    with serving(directory) as found:
        yield found


@pytest.fixture(scope="module")
def chromium():
    with browser.Browser() as found:
        yield found


@pytest.fixture
def page(chromium, url):
    """Open the page, and wait for a recorder with a past."""
    return opened(chromium, url)


def opened(chromium, url, width=1280, dark=False):
    found = chromium.look(url, width, dark=dark)
    assert found.errors == []
    chromium.wait_until("document.querySelectorAll('#tables tbody tr').length > 3")
    chromium.wait_until("/ values, /.test(document.getElementById('counted').textContent)")
    return chromium


def text(page, id):
    return page.evaluate(f"document.getElementById('{id}').textContent")


def click(page, selector):
    page.evaluate(f"document.querySelector({selector!r}).click()")


def drawn(page, id):
    """Return the number of colours in a chart, of pixels that are not transparent."""
    return page.evaluate(
        f"""(() => {{
            const canvas = document.querySelector('#{id} canvas');
            const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            const colors = new Set();
            for (let k = 0; k < data.length; k += 4) if (data[k + 3] === 255) colors.add(data.slice(k, k + 3).join());
            return colors.size;
        }})()"""
    )


def test_the_table_refreshes(page):
    assert text(page, "name") == FIRST  # the largest sum is chosen at first
    assert text(page, "found") == f"{NUMBER + 2} recorders"
    count = "Number(document.querySelector('tbody tr td[data-column=count]').textContent.replaceAll(',', ''))"
    before = page.evaluate(count)
    for _ in range(2):
        page.wait_until(f"{count} > {before}")
        before = page.evaluate(count)
    assert re.fullmatch(r"live, \d\d:\d\d:\d\d", text(page, "state"))
    assert page.errors() == []


def test_a_chosen_recorder_is_drawn(page):
    page.wait_until("document.querySelector('#readout b').textContent.endsWith(' ms')")
    # The ink of the axes, and the colours of four lines, or of cells from few to many values.
    assert drawn(page, "lines") >= 5
    assert drawn(page, "heat") >= 10
    route = "request{method=GET,route=/5}"
    page.evaluate(f"[...document.querySelectorAll('tbody button')].find(one => one.textContent === '{route}').click()")
    page.wait_until(f"document.getElementById('name').textContent === '{route}'")
    page.wait_until("/ values, /.test(document.getElementById('counted').textContent)")  # it has a past at once
    assert drawn(page, "heat") >= 8
    assert page.evaluate("document.querySelector('tbody tr.chosen button').textContent") == route
    assert page.evaluate("document.querySelectorAll('[aria-current=true]').length") == 1
    click(page, "tbody tr td[data-column=sum]")  # anywhere in a row
    page.wait_until(f"document.getElementById('name').textContent === '{FIRST}'")
    assert page.errors() == []


def test_what_is_chosen_is_kept_in_the_address(chromium, page, url):
    page.evaluate("[...document.querySelectorAll('tbody button')].find(one => one.textContent === 'answer').click()")
    page.wait_until("document.getElementById('name').textContent === 'answer'")
    page.wait_until("/id=[0-9a-f]{16}/.test(location.hash)")
    address = page.evaluate("location.href")
    opened(chromium, address)
    assert text(chromium, "name") == "answer"
    chromium.wait_until("/B|KiB|MiB/.test(document.querySelector('#readout b').textContent)")
    assert chromium.errors() == []


def test_the_slider_asks_what_the_server_computes(page, directory):
    share = "parseFloat(document.getElementById('share').textContent)"
    page.wait_until(f"{share} > 0")

    def move(n):
        page.evaluate(
            f"""(() => {{
                const slider = document.getElementById('n-slider');
                slider.value = {n};
                slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
            }})()"""
        )

    move(0)
    page.wait_until("document.getElementById('share-text').textContent.includes('need 1 call ')")
    assert page.evaluate(share) == pytest.approx(1.0, abs=0.1)  # above the p99 of one call
    move(100)  # beyond its end: the last place
    page.wait_until("document.getElementById('share-text').textContent.includes('need 10,000 calls ')")
    assert text(page, "share") == "100 %"
    page.evaluate(
        """(() => {
            const n = document.getElementById('n');
            n.value = 25;
            n.dispatchEvent(new Event('input', { bubbles: true }));
        })()"""
    )
    page.wait_until("document.getElementById('share-text').textContent.includes('need 25 calls ')")
    total = Registry(directory).snapshot()[Key("request", method="GET", route="/0")]
    expected = total.fanout(25).p_wait(total.percentile(99))
    assert page.evaluate(share) == pytest.approx(100 * expected, abs=1.5)  # it goes on recording
    assert re.fullmatch(r"95 % interval: \d+\.\d %? ?to \d+\.\d %\. Of single calls, .* % take longer\.",
                        text(page, "share-interval").replace(" % to", " to"))  # fmt: skip
    assert page.evaluate("document.getElementById('n-slider').getAttribute('aria-valuetext')") == "25 calls"
    assert page.errors() == []


def test_it_can_be_used_by_keyboard(page):
    seen = []
    for _ in range(40):
        page.press("Tab")
        name, outline = page.evaluate(
            """(() => {
                const one = document.activeElement;
                const shown = one.matches('.choice input') ? one.nextElementSibling : one;
                const style = getComputedStyle(shown);
                const cell = one.parentNode;
                return [one.id || one.name || cell.dataset.column + '/' + cell.tagName,
                        style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0];
            })()"""
        )
        assert outline, f"the focus on {name} is not visible"
        seen.append(name)
        if name == "name/TD":
            break
    assert seen[1:3] == ["period", "contains"]
    assert seen.count("name/TD") == 1  # the rows are one stop
    page.press("ArrowDown")
    page.press("ArrowDown")
    page.press("ArrowUp")
    page.press("Enter")
    second = page.evaluate("document.querySelectorAll('tbody button')[1].textContent")
    focused = page.evaluate("document.activeElement.textContent")
    page.wait_until(f"document.getElementById('name').textContent === {focused!r}")
    assert second.startswith("request{")
    page.evaluate("new Promise(done => setTimeout(done, 1500)).then(() => 1)")  # the table refreshes meanwhile
    assert page.evaluate("document.activeElement.textContent") == focused
    page.evaluate("document.getElementById('n-slider').focus()")
    before = page.evaluate("document.getElementById('n').value")
    page.press("ArrowRight")
    page.wait_until(f"document.getElementById('n').value !== '{before}'")
    labels = page.evaluate(
        "[...document.querySelectorAll('input, select')].map(one => one.labels[0]?.textContent.trim() || one.ariaLabel)"
    )
    assert all(labels)
    assert page.errors() == []


def test_columns_sort_and_names_are_found(page):
    click(page, "th[data-column=name] button")
    page.wait_until("document.querySelector('th[data-column=name]').getAttribute('aria-sort') === 'ascending'")
    names = page.evaluate("[...document.querySelectorAll('tbody button')].map(one => one.textContent)")
    assert f"request{{method=GET,route=/{NUMBER - 1}}}" in names
    page.evaluate(
        """(() => {
            const sought = document.getElementById('contains');
            sought.value = 'ROUTE=/1';
            sought.dispatchEvent(new Event('input', { bubbles: true }));
        })()"""
    )
    page.wait_until("document.querySelectorAll('tbody tr').length === 3")  # /1, /10, /11
    assert text(page, "found") == f"3 of {NUMBER + 2} recorders"
    click(page, "input[value=now]")
    page.wait_until("Number(document.querySelector('td[data-column=count]').textContent.replaceAll(',', '')) < 1000")
    assert page.errors() == []


def test_hostile_names_are_only_text(page):
    assert page.evaluate("document.querySelectorAll('tbody b, tbody img, tbody script').length") == 0
    page.evaluate(
        "[...document.querySelectorAll('tbody button')].find(one => one.textContent.includes('onerror')).click()"
    )
    page.wait_until("document.getElementById('name').textContent.includes('onerror')")
    assert str(Key(HOSTILE)).strip('"')[:20] in text(page, "name")
    page.evaluate("new Promise(done => setTimeout(done, 1200)).then(() => 1)")
    assert page.evaluate("document.body.dataset.broken") is None
    assert page.evaluate("document.images.length") == 1  # the sign in the corner
    assert page.errors() == []


def test_no_script_can_be_added(page):
    page.evaluate(
        """(() => {
            const script = document.createElement('script');
            script.textContent = 'window.added = true';
            document.body.append(script);
            document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.added = true">');
        })()"""
    )
    page.evaluate("new Promise(done => setTimeout(done, 300)).then(() => 1)")
    assert page.evaluate("window.added") is None
    assert any("Content Security Policy" in error for error in page.errors())


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_in_both_themes(chromium, url, width):
    backgrounds = set()
    for dark in (False, True):
        opened(chromium, url, width, dark)
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
        assert chromium.evaluate("document.getElementById('tables').scrollWidth") <= width
        small = chromium.evaluate("[...document.querySelectorAll('.chart')].map(one => one.clientWidth)")
        assert min(small) > 250
        backgrounds.add(chromium.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert chromium.errors() == []
    assert len(backgrounds) == 2, "both themes look alike"


def test_a_hidden_page_asks_nothing(page):
    page.evaluate(
        """(() => {
            Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
            document.dispatchEvent(new Event('visibilitychange'));
        })()"""
    )
    page.evaluate("new Promise(done => setTimeout(done, 500)).then(() => 1)")  # the last answers
    asked = "performance.getEntriesByType('resource').length"
    before = page.evaluate(asked)
    page.evaluate("new Promise(done => setTimeout(done, 2500)).then(() => 1)")
    assert page.evaluate(asked) == before
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_until(f"{asked} > {before}")


def test_it_says_that_the_server_has_gone_and_goes_on_with_the_next(chromium, directory):
    with serving(directory) as url:
        opened(chromium, url)
    chromium.wait_until("document.getElementById('state').textContent === 'the server does not answer; trying again'")
    with serving(directory, int(url.split(":")[2].strip("/"))):
        chromium.wait_until("document.getElementById('state').textContent.startsWith('live')")
        chromium.wait_until("/ values, /.test(document.getElementById('counted').textContent)")


def test_numbers_under_the_pointer_are_shown(page):
    page.wait_until("document.getElementById('at').textContent === 'latest second'")
    left, top = page.evaluate(
        """(() => {
            const box = document.querySelector('#lines .u-over').getBoundingClientRect();
            return [box.right - 3, box.top + box.height / 2];
        })()"""
    )
    page.point(left, top)
    page.wait_until(r"/^\d\d:\d\d:\d\d$/.test(document.getElementById('at').textContent)")
    assert text(page, "counted").endswith("/s")  # of the other chart, at the same time
    page.point(1, 1)
    page.wait_until("document.getElementById('at').textContent === 'latest second'")
    assert page.errors() == []
