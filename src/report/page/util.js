/* Elements, and numbers as people read them. Text goes into elements by text nodes only: nothing in
 * this page turns a string into markup. */

const SVG = 'http://www.w3.org/2000/svg';
const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (name === 'on') {
            for (const [event, does] of Object.entries(value)) node.addEventListener(event, does);
        } else if (value !== null && value !== undefined && value !== false) {
            node.setAttribute(name, value === true ? '' : value);
        }
    }
    for (const child of children.flat(Infinity)) {
        if (child !== null && child !== undefined && child !== false) node.append(child);
    }
    return node;
}
const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
    fill(document.createElementNS(SVG, name), attributes, children);

/* As the terminal shows text from the network: what has no shape of its own becomes a visible escape. */
const HIDDEN = new RegExp(
    '[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5' +
        '\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0e\\ufeff\\uffa0' +
        '\\ufff0-\\ufffb\\u{e0000}-\\u{e0fff}]',
    'gu',
);
function shown(text) {
    return String(text).replace(HIDDEN, (c) => {
        const n = c.codePointAt(0);
        if (n === 10) return '\\n';
        return n < 0x100 ? '\\x' + n.toString(16).padStart(2, '0') : '\\u{' + n.toString(16) + '}';
    });
}

const count = (n) => n.toLocaleString('en-US');
const plural = (n, one, many) => count(n) + ' ' + (n === 1 ? one : many);
const sum = (list) => list.reduce((a, b) => a + b, 0);
const highest = (list) => list.reduce((a, b) => Math.max(a, b), 0);

function percent(part, whole) {
    if (!whole) return '0 %';
    const p = (100 * part) / whole;
    if (part > 0 && p < 0.1) return '< 0.1 %';
    return (p < 9.95 || (p > 99 && part < whole) ? Math.min(p, 99.9).toFixed(1) : p.toFixed(0)) + ' %';
}

function size(bytes) {
    if (bytes < 1000) return bytes + ' B';
    const units = ['kB', 'MB', 'GB', 'TB'];
    let unit = -1,
        v = bytes;
    do {
        v /= 1000;
        unit++;
    } while (v >= 999.5 && unit < units.length - 1);
    return (v < 9.95 ? v.toFixed(1) : v.toFixed(0)) + ' ' + units[unit];
}

const two = (n) => String(n).padStart(2, '0');

/* "45.02 s", "12 min 03 s", "1 h 23 min": three or four digits that matter. */
function duration(ms) {
    if (ms === null || ms === undefined) return '–';
    if (ms < 1000) return (ms < 10 ? ms.toFixed(1) : ms.toFixed(0)) + ' ms';
    const s = ms / 1000;
    if (s < 99.995) return s.toFixed(2) + ' s';
    if (s < 120) return s.toFixed(1) + ' s';
    if (s < 5999.5) return Math.floor(Math.round(s) / 60) + ' min ' + two(Math.round(s) % 60) + ' s';
    const min = Math.round(s / 60);
    if (min < 5760) return Math.floor(min / 60) + ' h ' + two(min % 60) + ' min';
    return Math.floor(min / 1440) + ' d ' + Math.floor((min % 1440) / 60) + ' h';
}

/* For axes and bins, where the value is round: "100 ms", "45 s", "10 min". */
function round(ms) {
    const units = [
        [86400000, 'd'],
        [3600000, 'h'],
        [60000, 'min'],
        [1000, 's'],
        [0, 'ms'],
    ];
    const [unit, name] = units.find(([u]) => ms >= u * 0.9995);
    return Number((ms / (unit || 1)).toPrecision(3)) + ' ' + name;
}

/* Times: UTC unless the reader asks for the clock of this machine. */
const clock = { local: false };
const zoneOffset = (ms) => (clock.local ? -new Date(ms).getTimezoneOffset() * 60000 : 0);
const zoneName = () => (clock.local ? 'local time' : 'UTC');
function stamp(ms, digits = 0) {
    if (ms === null || ms === undefined) return '–';
    const text = new Date(ms + zoneOffset(ms)).toISOString();
    return text.slice(0, 10) + ' ' + text.slice(11, digits ? 20 + digits : 19);
}
const timeOfDay = (ms, digits = 0) => stamp(ms, digits).slice(11);

/* "closed_by" of a record, an ending, a cause as a reader's words. */
const ENDINGS = {
    close_handshake: 'Close handshake',
    close_unanswered: 'Close unanswered',
    fin: 'FIN, no Close',
    reset: 'RST, no Close',
    vanished: 'vanished',
    stream_reset: 'stream reset',
    stream_end: 'stream end',
    rejected: 'rejected',
    no_response: 'no response',
    bad_accept: 'bad accept key',
    tcp_refused: 'TCP refused',
    tls_failed: 'TLS failed',
    gap: 'not captured',
    none: 'did not end',
};
const SOURCES = { open: 'still open', handshake_failed: 'handshake failed', unknown: 'unknown' };
const SIDES = { client: 'client', server: 'server', both: 'both', nobody: 'nobody' };
const words = (word) => (word === null || word === undefined ? '–' : String(word).replace(/_/g, ' '));
const endingText = (ending) => ENDINGS[ending] || words(ending);
/* A code's word, by which it is filtered too: what may only be inferred is another thing on the wire. */
function codeText(code, source) {
    if (code === 'other') return 'other';
    if (code === null || code === undefined) return SOURCES[source] || 'no code';
    return source === 'wire' && (code === 1005 || code === 1006 || code === 1015)
        ? code + ' on the wire'
        : String(code);
}

function copyButton(text, what) {
    const label = 'Copy ' + what;
    const button = el('button', { type: 'button', class: 'copy', 'aria-label': label, title: label }, 'Copy');
    button.addEventListener('click', (event) => {
        event.stopPropagation();
        copy(text).then((ok) => say(button, ok ? 'Copied' : 'Select and copy'));
    });
    return button;
}
function say(button, text) {
    button.textContent = text;
    byId('said').textContent = text;
    setTimeout(() => {
        button.textContent = 'Copy';
    }, 1500);
}
/* A page opened from a file may have no clipboard of its own. */
async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const area = el('textarea', { class: 'unseen', readonly: true });
        area.value = text;
        document.body.append(area);
        area.select();
        const done = document.execCommand('copy');
        area.remove();
        return done;
    }
}
