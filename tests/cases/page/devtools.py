"""Headless Chromium by its DevTools protocol over a pipe: no port, no library."""
import base64, collections, fcntl, json, os, select, shutil, subprocess, tempfile, time

# What a page may not cause: any of these is kept, whoever asked for it.
LOUD = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening", "Page.windowOpen",
        "Audits.issueAdded"}


def program():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="wsclose-page-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (theirs_in, theirs_out)]
        os.close(theirs_in), os.close(theirs_out)

        def hand_over():
            os.dup2(ends[0], 3), os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", "--user-data-dir=" + self.profile, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(3, 4), preexec_fn=hand_over,
            env={**os.environ, "TZ": "Asia/Tokyo", "HOME": self.profile})
        for fd in ends:
            os.close(fd)
        self.reading, self.writing = ours_in, ours_out
        self.buffer, self.number, self.answers, self.events = b"", 0, {}, collections.defaultdict(list)

    def close(self):
        try:
            self.call("Browser.close")
        except OSError:
            pass
        os.close(self.reading), os.close(self.writing)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def read_one(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.reading], [], [], max(0, until - time.monotonic()))[0]:
                raise OSError("Chromium does not answer")
            piece = os.read(self.reading, 1 << 20)
            if not piece:
                raise OSError("Chromium went away")
            self.buffer += piece
        one, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(one)
        if "id" in message:
            self.answers[message["id"]] = message
        else:
            self.events[message.get("sessionId")].append(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writing, data):]
        number, until = self.number, time.monotonic() + 60
        while number not in self.answers:
            self.read_one(until)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


class Page:
    """One file in one tab. |before|: script that runs before the page's own."""

    def __init__(self, browser, path, width=1280, height=900, dark=False, script=True, media="", before=None):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Audits", "Accessibility"):
            self.call(domain + ".enable")
        self.look(width, height, dark, media)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.url = "file://" + os.path.abspath(path)
        self.call("Page.navigate", url=self.url)
        self.wait_event("Page.loadEventFired")
        if script:
            self.until("document.getElementById('needs-script') === null && "
                       "(document.getElementById('connections') === null || document.getElementById('state').textContent !== '')")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **params):
        return self.browser.call(method, session=self.session, **params)

    def look(self, width=1280, height=900, dark=False, media=""):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                                       {"name": "prefers-reduced-motion", "value": "reduce"}])

    def wait_event(self, method, seconds=30):
        until = time.monotonic() + seconds
        while not any(e["method"] == method for e in self.browser.events[self.session]):
            self.browser.read_one(until)

    def js(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression, seconds=30):
        until = time.monotonic() + seconds
        while not self.js(expression):
            if time.monotonic() > until:
                raise AssertionError("never true: " + expression)
            time.sleep(0.02)

    def click(self, selector, n=0):
        """With the pointer, where the element is."""
        x, y = self.js(f"""(() => {{ const e = document.querySelectorAll({json.dumps(selector)})[{n}];
            e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, name):
        code = {"Enter": 13, "Tab": 9, "ArrowDown": 40, " ": 32}[name]
        text = {"Enter": "\r", " ": " "}.get(name)
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", key=name, windowsVirtualKeyCode=code, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    def noise(self):
        """What was said to the console or asked of anyone, other than for the file itself."""
        self.js("1")  # what is under way has come
        events = self.browser.events[self.session]
        said = [e for e in events if e["method"] in LOUD]
        asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return said + [u for u in asked if u != self.url]

    def image(self):
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
