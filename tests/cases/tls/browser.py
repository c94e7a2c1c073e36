"""Browsers without a window, on the client host: they run a page and are listened to."""
import asyncio, hashlib, json, os, re, ssl

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
    """Chromium runs a page (or what is at `url`) until it has told `count` things."""
    return await listen(lab, count, "stderr", ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--disable-background-networking",
                                               "--disable-component-update", "--no-first-run", f"--user-data-dir={lab.tmp}/chromium", f"--ssl-key-log-file={lab.keys('client')}",
                                               "--enable-logging=stderr", url or file(lab, page)])


async def browse_firefox(lab, page, count, places, url=None):
    """The same with Firefox, which trusts the lab's certificate at these places."""
    profile = os.path.join(lab.tmp, "firefox")
    os.makedirs(profile, exist_ok=True)
    der = ssl.PEM_cert_to_DER_cert(open(lab.certificate()[0]).read())
    print_of = ":".join(f"{b:02X}" for b in hashlib.sha256(der).digest())
    with open(os.path.join(profile, "cert_override.txt"), "w") as f:
        f.write("".join(f"{place}:\tOID.2.16.840.1.101.3.4.2.1\t{print_of}\t\n" for place in places))
    prefs = {"browser.dom.window.dump.enabled": True, "devtools.console.stdout.content": True, "network.websocket.allowInsecureFromHTTPS": True, "datareporting.policy.dataSubmissionEnabled": False,
             "app.update.auto": False, "browser.shell.checkDefaultBrowser": False, "toolkit.telemetry.enabled": False, "network.captive-portal-service.enabled": False}
    with open(os.path.join(profile, "user.js"), "w") as f:
        f.write("".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in prefs.items()))
    page = page.replace("console.log", "dump")
    return await listen(lab, count, "stdout", ["env", f"SSLKEYLOGFILE={lab.keys('client')}", "MOZ_CRASHREPORTER_DISABLE=1", "firefox-esr", "--headless", "--no-remote", "--profile", profile,
                                               url or file(lab, page)])


def file(lab, page):
    path = os.path.join(lab.tmp, "page.html")
    with open(path, "w") as f:
        f.write(page)
    return "file://" + path


async def listen(lab, count, where, command):
    p = await asyncio.create_subprocess_exec("ip", "netns", "exec", lab.spaces["c"], *command, stdin=asyncio.subprocess.DEVNULL, env={**os.environ, "HOME": lab.tmp},
                                             **{"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL, where: asyncio.subprocess.PIPE})
    told, buffer = [], ""
    try:
        async with asyncio.timeout(60):
            while len(told) < count:
                part = await getattr(p, where).read(65536)
                if not part:
                    raise EOFError(told)
                buffer += part.decode("utf-8", "replace")
                while m := re.search(r"TOLD (\{.*?\}) END", buffer):
                    told.append(json.loads(m.group(1)))
                    buffer = buffer[m.end():]
        await asyncio.sleep(0.5)
    finally:
        p.terminate()
        await p.wait()
    return told
