"""Opens the pages of a folder in Chromium and checks that nothing is wider than the window.

Usage: check_layout.py FOLDER [PAGE.html ...]

All pages are shown in frames of one page, as wide as a telephone and as a desk's screen, and are
measured there. Exits with 77 where there is no Chromium.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = (400, 1200)
SECONDS = 240
# Tensors that are unfolded before a page is measured.
UNFOLDED = 8

MEASURE = """
const problems = [];
const SHOWN = ':not(details:not([open]) > :not(summary), details:not([open]) > div *)';
const describe = (e) => `${e.tagName} ${e.getAttribute('class') || ''} ${e.textContent.slice(0, 40)}`;
function checkWidth(name, page, width) {
  if (page.documentElement.scrollWidth > width)
    problems.push(`${name}: is ${page.documentElement.scrollWidth} wide at ${width}`);
  for (const e of page.querySelectorAll(`main ${SHOWN}:not(.scroll *, svg *, bdi), svg.chart text`)) {
    const box = e.getBoundingClientRect();
    if (box.width > 0 && (box.right > width + 0.5 || box.left < -0.5))
      problems.push(`${name}: at ${width} ends at ${box.right}: ${describe(e)}`);
  }
}
function checkLabels(name, page, width) {
  for (const chart of page.querySelectorAll(`svg.chart${SHOWN}`)) {
    const boxes = [...chart.querySelectorAll('text')].map((e) => [e, e.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0);
    for (let i = 0; i < boxes.length; ++i)
      for (let k = 0; k < i; ++k) {
        const [[a, one], [b, two]] = [boxes[i], boxes[k]];
        const x = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const y = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (x > 0.5 && y > 4) problems.push(`${name}: at ${width} labels "${a.textContent}" and ` +
            `"${b.textContent}" overlap: ${chart.getAttribute('aria-label')}`);
      }
  }
}
window.onload = () => {
  let measured = 0;
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument;
    [...page.querySelectorAll('details')].slice(0, UNFOLDED).forEach((e) => { e.open = true; });
    checkWidth(frame.name, page, frame.clientWidth);
    checkLabels(frame.name, page, frame.clientWidth);
    ++measured;
  }
  document.body.innerHTML = '';
  document.body.appendChild(document.createElement('pre')).textContent =
      JSON.stringify({measured, problems});
};
"""


def harness(pages):
    """A page that shows all pages in all widths."""
    frames = "".join(
        f'<iframe name="{page.name}" style="border:0;width:{width}px;height:900px" '
        f'srcdoc="{html.escape(page.read_text(encoding="utf-8"))}"></iframe>\n'
        for page in pages for width in WIDTHS)
    script = MEASURE.replace("UNFOLDED", str(UNFOLDED))
    return f"<!DOCTYPE html><meta charset='utf-8'><body>{frames}<script>{script}</script></body>"


def open_in_chromium(chromium, page, profile):
    """What the page became, and what the browser logged."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
               "--no-first-run", "--disable-background-networking", "--disable-component-update",
               "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
               f"--user-data-dir={profile}", "--enable-logging=stderr", "--window-size=1300,1000",
               "--dump-dom", page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    return run.stdout, run.stderr


def main():
    """Measures the pages named on the command line, or all of the folder."""
    folder = Path(sys.argv[1])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("chromium is not installed: skipped")
        sys.exit(77)
    pages = [folder / name for name in sys.argv[2:]] or sorted(folder.glob("*.html"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        path = Path(work) / "all.html"
        path.write_text(harness(pages), encoding="utf-8")
        dom, log = open_in_chromium(chromium, path, Path(work) / "profile")
    found = re.search(r"<pre>(.*)</pre>", dom, re.DOTALL)
    if not found:
        sys.exit(f"chromium showed nothing: {log[-2000:]}")
    result = json.loads(html.unescape(found[1]))
    problems = result["problems"] + [line for line in log.splitlines() if "CONSOLE" in line]
    print(*problems[:50], sep="\n")
    print(f"{result['measured']} measured, {len(problems)} problems")
    sys.exit(1 if problems or result["measured"] != len(pages) * len(WIDTHS) else 0)


if __name__ == "__main__":
    main()
