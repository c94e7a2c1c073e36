"""Chromium without a window, on the client host: runs a page and listens to its console."""
import asyncio, json, os, re

# Opens each URL in turn and does its part of the path's words (see tlslab.py).
PAGE = """<script>
const urls = URLS;
function next() {
  if (!urls.length) return;
  const url = new URL(urls.shift());
  const [, , who, what, reason] = url.pathname.split('/').map(decodeURIComponent);
  const ws = new WebSocket(url);
  ws.onopen = () => ws.send('hello');
  ws.onmessage = () => {
    if (who === 'server') ws.send('go');
    else if (what === 'empty') ws.close();
    else ws.close(Number(what), reason);
  };
  ws.onclose = (e) => { console.log('TOLD ' + JSON.stringify({path: url.pathname, code: e.code, reason: e.reason, clean: e.wasClean}) + ' END'); setTimeout(next, 100); };
}
next();
</script>"""


async def browse(lab, page, count, url=None):
    """Runs a page (or what is at `url`) until it has told `count` things."""
    file = os.path.join(lab.tmp, "page.html")
    with open(file, "w") as f:
        f.write(page)
    p = await asyncio.create_subprocess_exec("ip", "netns", "exec", lab.spaces["c"], "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors",
                                             "--disable-background-networking", "--disable-component-update", "--no-first-run", f"--user-data-dir={lab.tmp}/chromium",
                                             f"--ssl-key-log-file={lab.keys('client')}", "--enable-logging=stderr", url or f"file://{file}",
                                             stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env={**os.environ, "HOME": lab.tmp})
    told = []
    try:
        async with asyncio.timeout(60):
            while len(told) < count:
                line = (await p.stderr.readline()).decode("utf-8", "replace")
                if not line:
                    raise EOFError(told)
                if m := re.search(r"TOLD (\{.*?\}) END", line):
                    told.append(json.loads(m.group(1)))
        await asyncio.sleep(0.5)
    finally:
        p.terminate()
        await p.wait()
    return told
