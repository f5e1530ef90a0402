"""What the page costs a visitor: bytes of the first load, and drawing 100,000 points in a headless Chromium.

The chart is the page's own door to uPlot (the built file), with one line and its band; the best of nine,
since a shared machine only ever adds. Redrawing after a zoom is measured too.
"""

import gzip
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.machine import print_figures

STATIC = Path(__file__).parents[1] / "src" / "vedette" / "server" / "static"
POINTS = 100_000
ROUNDS = 9

DRAW = """
async ([address, points, rounds]) => {
  const { plot } = await import(address);
  const place = document.createElement('div');
  place.style.width = '600px';
  document.body.append(place);
  const times = Array.from({ length: points }, (_, i) => 1.7e9 + i);
  const mean = times.map((_, i) => 50 + 20 * Math.sin(i / 900) + (i * 2654435761 % 1000) / 100);
  const line = { key: 'a', mean, low: mean.map(v => v - 1), high: mean.map(v => v + 1) };
  const last = times[points - 1];
  const whole = { columns: { times, lines: [line] }, from: times[0], to: last, strokes: {}, events: [] };
  const hands = { format: String, binary: false, scale: undefined, pointed() {}, zoomed() {}, reset() {} };
  // The picture is drawn in a microtask; reading a pixel makes the raster finish too.
  const finish = async () => {
    await Promise.resolve();
    place.querySelector('canvas').getContext('2d').getImageData(0, 0, 1, 1);
  };
  const draws = [], zooms = [];
  for (let i = 0; i < rounds; i++) {
    let start = performance.now();
    const chart = plot(place, 600, whole, hands);
    await finish();
    draws.push(performance.now() - start);
    start = performance.now();
    chart.update({ ...whole, from: times[points / 4], to: times[points / 2] });
    await finish();
    zooms.push(performance.now() - start);
    chart.close();
  }
  return [Math.min(...draws), Math.min(...zooms)];
}
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        pass


def first_load_kb() -> float:
    """Everything that index.html names, compressed as a server would."""
    index = STATIC / "index.html"
    named = re.findall(r'(?:src|href)="/([^"]+\.(?:js|css|svg))"', index.read_text())
    files = [index, *(STATIC / name for name in named)]
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) / 1000


def drawn_ms() -> tuple[float, float]:
    chunk = next((STATIC / "assets").glob("plot-*.js"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        draw, zoom = page.evaluate(DRAW, [f"/assets/{chunk.name}", POINTS, ROUNDS])
        chromium.close()
    server.shutdown()
    return draw, zoom


def main() -> None:
    draw, zoom = drawn_ms()
    print_figures(
        {
            "first_load_gzip_kb": round(first_load_kb(), 1),
            "chart_100k_points_ms": round(draw, 1),
            "chart_100k_zoom_ms": round(zoom, 1),
        }
    )


if __name__ == "__main__":
    main()
