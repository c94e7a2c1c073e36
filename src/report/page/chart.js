/* What every picture needs: a place that follows its width, axes, patterns, a tip under the pointer. */

/* Nine kinds of ink; each has a pattern besides, so that none is told by its colour alone. */
const HATCHES = {
    0: 'M0 6L6 0M-1 1L1 -1M5 7L7 5',
    3: 'M1.5 1.5h1.2v1.2h-1.2zM4.5 4.5h1.2v1.2h-1.2z',
    4: 'M0 1.5H6M0 4.5H6',
    5: 'M0 0L6 6M-1 5L1 7M5 -1L7 1',
    6: 'M0 3H6M3 0V6',
    7: 'M1.5 0V6M4.5 0V6',
    8: 'M0 0L6 6M0 6L6 0',
};
function patterns() {
    const defs = svg('defs');
    for (const [i, d] of Object.entries(HATCHES)) {
        defs.append(
            svg(
                'pattern',
                { id: 'hatch' + i, width: 6, height: 6, patternUnits: 'userSpaceOnUse' },
                svg('path', { d, class: 'hatch' }),
            ),
        );
    }
    document.body.append(svg('svg', { class: 'unseen', width: 0, height: 0, 'aria-hidden': 'true' }, defs));
}

/* One path for each ink: thousands of bars are a handful of elements. */
class Inks {
    constructor() {
        this.paths = new Map();
    }
    box(ink, x, y, w, h) {
        if (w <= 0 || h <= 0) return;
        const d = `M${x.toFixed(1)} ${y.toFixed(1)}h${w.toFixed(1)}v${h.toFixed(1)}h${(-w).toFixed(1)}z`;
        this.paths.set(ink, (this.paths.get(ink) || '') + d);
    }
    into(parent) {
        for (const [ink, d] of this.paths) {
            const group = svg('g', { 'data-ink': ink }, svg('path', { d, class: 'ink' + ink }));
            if (ink in HATCHES) group.append(svg('path', { d, fill: `url(#hatch${ink})` }));
            parent.append(group);
        }
    }
}
function swatch(ink) {
    const inks = new Inks();
    inks.box(ink, 0, 0, 14, 14);
    const box = svg('svg', {
        class: 'swatch',
        width: 14,
        height: 14,
        'aria-hidden': 'true',
        focusable: 'false',
    });
    inks.into(box);
    return box;
}

/* ---- a picture: drawn for the width it has, and again when that changes ---- */

const pictures = [];

function picture(id, draw) {
    const place = byId(id).querySelector('.plot');
    const p = { place, draw, width: 0 };
    pictures.push(p);
    new ResizeObserver(() => {
        const width = Math.floor(place.clientWidth);
        if (width > 0 && width !== p.width) redraw(p, width);
    }).observe(place);
    return p;
}
function redraw(p, width) {
    p.width = width;
    const em = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.78;
    hideTip();
    p.draw(p.place, width, em);
}
function redrawAll(width) {
    for (const p of pictures) {
        if (p.width || width) redraw(p, width || Math.floor(p.place.clientWidth));
    }
}

function canvas(place, width, height, label) {
    const root = svg('svg', {
        viewBox: `0 0 ${width} ${height}`,
        width: '100%',
        role: 'img',
        'aria-label': label,
        class: 'chart',
    });
    place.replaceChildren(root);
    return root;
}
const label = (x, y, text, anchor, kind) =>
    svg(
        'text',
        { x: x.toFixed(1), y: y.toFixed(1), 'text-anchor': anchor || 'start', class: kind || 'tick' },
        text,
    );
const line = (x1, y1, x2, y2, kind) => svg('line', { x1, y1, x2, y2, class: kind });
const titled = (id, lead) => {
    byId(id).querySelector('.lead').textContent = lead;
};

/* ---- scales ---- */

/* The tops of count axes, and into how many steps each is divided. */
const TOPS = [
    [1, 5],
    [1.5, 3],
    [2, 4],
    [3, 3],
    [4, 4],
    [5, 5],
    [6, 3],
    [8, 4],
    [10, 5],
];
function niceTop(max) {
    if (max <= 5) return Math.max(max, 1);
    const unit = 10 ** Math.floor(Math.log10(max));
    return TOPS.map(([m]) => m * unit).find((top) => top >= max && Number.isInteger(top));
}
function countAxis(root, x0, x1, y0, y1, top) {
    const unit = 10 ** Math.floor(Math.log10(top)),
        steps = top <= 5 ? top : TOPS.find(([m]) => m * unit === top)[1];
    const shown = (y0 - y1) / steps > 17 && Number.isInteger(top / steps) ? steps : 1;
    for (let i = 0; i <= shown; i++) {
        const y = y0 - ((y0 - y1) * i) / shown;
        root.append(
            line(x0, y, x1, y, i ? 'grid' : 'axis'),
            label(x0 - 6, y + 4, count((top * i) / shown), 'end'),
        );
    }
}

const TIME_STEPS = [
    1, 10, 100, 1e3, 5e3, 15e3, 3e4, 6e4, 3e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5,
    6048e5, 12096e5, 2592e6, 7776e6, 31536e6,
];
/* A scale of the bins |n| of |time|, and its labels under |y|. */
function timeScale(time, x0, x1) {
    const per = (x1 - x0) / Math.max(time.n, 1);
    return {
        per,
        x0,
        x1,
        at: (ms) => x0 + ((ms - time.from) / time.step) * per,
        bin: (x) => Math.floor((x - x0) / per),
    };
}
function timeAxis(root, time, scale, y, em) {
    const span = time.step * Math.max(time.n, 1),
        end = time.from + span;
    const room = Math.max(2, (scale.x1 - scale.x0) / (em * 6.5));
    const step = TIME_STEPS.find((s) => span / s <= room) || span;
    let day = '',
        free = -Infinity;
    root.append(line(scale.x0, y, scale.x1, y, 'axis'));
    const shift = zoneOffset(time.from);
    for (let t = Math.ceil((time.from + shift) / step) * step - shift; t <= end; t += step) {
        const x = scale.at(t),
            text = stamp(t, step < 1000 ? 3 : 0);
        if (x > scale.x1 - em * 4) break;
        const said = step >= 864e5 ? text.slice(5, 10) : text.slice(11, step < 6e4 ? 23 : 16);
        const anchor = x < scale.x0 + em * 2 ? 'start' : 'middle',
            wide = said.length * em * 0.62,
            from = anchor === 'start' ? x : x - wide / 2;
        root.append(line(x, y, x, y + 4, 'axis'));
        if (from < free) continue;
        free = from + wide + em * 0.5;
        root.append(label(x, y + em * 1.4, said, anchor));
        const under = step >= 864e5 ? text.slice(0, 4) : text.slice(0, 10);
        if (under !== day) root.append(label(x, y + em * 2.7, under, anchor, 'tick day'));
        day = under;
    }
    root.append(label(scale.x1, y + em * 1.4, zoneName() === 'UTC' ? 'UTC' : 'local', 'end'));
}

const ROUND_TIMES = [1, 10, 100, 1e3, 1e4, 6e4, 6e5, 36e5, 216e5, 864e5, 6048e5];
/* Bins with edges that rise by a factor, of which only |low| to |high| are shown. */
function logScale(edges, low, high, a, b) {
    const from = Math.log(edges[low]),
        to = Math.log(edges[high + 1]);
    const at = (v) => a + ((b - a) * (Math.log(v) - from)) / (to - from);
    const bin = (pixel) => {
        const v = Math.exp(from + ((pixel - a) / (b - a)) * (to - from));
        return edges.findIndex((e, i) => v >= e && v < edges[i + 1]);
    };
    const inside = ROUND_TIMES.filter((t) => t >= edges[low] && t <= edges[high + 1]);
    return { at, bin, ticks: inside.length > 1 ? inside : [edges[low], edges[high + 1]] };
}
/* The first bin has what is below it too, the last what is above. */
const binRange = (edges, i) => [i ? edges[i] : 0, i + 2 < edges.length ? edges[i + 1] : Infinity];
const binText = (edges, i) => 'about ' + round(Number(Math.sqrt(edges[i] * edges[i + 1]).toPrecision(2)));

/* ---- the tip, for pointers: everything it says is in the picture's table too ---- */

let tip = null;
function showTip(event, lines) {
    if (!tip) document.body.append((tip = el('div', { class: 'tip', 'aria-hidden': 'true' })));
    tip.replaceChildren(
        ...lines
            .filter(Boolean)
            .map((l) =>
                Array.isArray(l)
                    ? el('div', null, l[0] === null ? null : swatch(l[0]), ' ' + l[1])
                    : el('div', { class: 'tip-title' }, l),
            ),
    );
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8));
    const y =
        event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18;
    tip.style.left = x + 'px';
    tip.style.top = Math.max(4, y) + 'px';
}
function hideTip() {
    if (tip) tip.hidden = true;
}
/* |find| gives what lies at a point of the picture: {lines, filter, back} or null. */
function alive(root, find) {
    const hit = (event) => {
        const box = root.getBoundingClientRect(),
            scale = root.viewBox.baseVal.width / box.width;
        return find((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    };
    root.addEventListener('pointermove', (event) => {
        const found = hit(event);
        root.classList.toggle('hot', Boolean(found && found.filter));
        if (found) showTip(event, found.lines);
        else hideTip();
    });
    root.addEventListener('pointerleave', hideTip);
    root.addEventListener('click', (event) => {
        const found = hit(event);
        if (found && found.filter) narrow(found.filter);
    });
}

/* Swatch, words and count of each series; a click lists its connections. */
function legend(id, entries) {
    byId(id)
        .querySelector('.legend')
        .replaceChildren(
            ...entries.map((e) =>
                el(
                    'li',
                    null,
                    el(
                        e.filter ? 'button' : 'span',
                        e.filter
                            ? {
                                  type: 'button',
                                  on: {
                                      click: () => narrow(e.filter),
                                      pointerenter: () => dim(id, e.ink),
                                      pointerleave: () => dim(id, null),
                                      focus: () => dim(id, e.ink),
                                      blur: () => dim(id, null),
                                  },
                              }
                            : null,
                        swatch(e.ink),
                        el('b', null, e.text),
                        e.more && el('span', null, e.more),
                        e.count === undefined ? null : el('span', { class: 'num' }, count(e.count)),
                    ),
                ),
            ),
        );
}
function dim(id, ink) {
    for (const group of byId(id).querySelectorAll('.plot [data-ink]')) {
        group.classList.toggle('dim', ink !== null && group.getAttribute('data-ink') !== String(ink));
    }
}

/* The picture's numbers as a table, made when it is asked for. |rows| gives arrays of cells: text,
 * a number, or {text, filter} for a cell that lists its connections. */
function numbers(id, caption, heads, rows) {
    const details = byId(id).querySelector('details.numbers');
    details.addEventListener('toggle', () => {
        if (!details.open) return;
        const cell = (c, i) =>
            el(
                i ? 'td' : 'th',
                { class: typeof c === 'number' ? 'num' : null, scope: i ? null : 'row' },
                typeof c === 'number'
                    ? count(c)
                    : c && c.filter
                      ? el(
                            'button',
                            { type: 'button', class: 'link', on: { click: () => narrow(c.filter) } },
                            c.text,
                        )
                      : c,
            );
        details.querySelector('.scroll').replaceChildren(
            el(
                'table',
                null,
                el('caption', null, caption),
                el(
                    'thead',
                    null,
                    el(
                        'tr',
                        null,
                        heads.map((h) => el('th', { scope: 'col' }, h)),
                    ),
                ),
                el(
                    'tbody',
                    null,
                    rows().map((r) => el('tr', null, r.map(cell))),
                ),
            ),
        );
    });
}
