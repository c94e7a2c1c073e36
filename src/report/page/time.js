/* The pictures over time: closures by code, silence before the end, connections of each server. */

/* A code has the same ink in every picture: the four common ones their own, others what is left. */
const OWN_INKS = { 1006: 0, 1000: 1, 1001: 2, 1005: 3 };
const REST = 8;
const inks = new Map();
function assignInks(codes) {
    const keys = [...new Set(codes.map((c) => codeText(c.code, c.source)))]
        .filter((k) => k !== 'other')
        .slice(0, 8);
    const own = keys.filter((k) => k in OWN_INKS);
    const free = [4, 5, 6, 7, 2, 1, 3, 0].filter((ink) => !own.some((k) => OWN_INKS[k] === ink));
    for (const key of keys) inks.set(key, key in OWN_INKS ? OWN_INKS[key] : free.shift());
}
const inkOf = (code, source) => {
    const key = codeText(code, source);
    return inks.has(key) ? inks.get(key) : REST;
};
const nameOf = (data, code, source) => {
    const known = data.codes.find((c) => c.code === code && c.source === source);
    return known && known.name ? known.name : '';
};

const left = (em) => Math.round(em * 4.3);
const below = (em) => Math.round(em * 3.2);
const binTime = (time, i) => [time.from + i * time.step, time.from + (i + 1) * time.step];
function binLabel(time, i) {
    const [from] = binTime(time, i);
    return `${stamp(from, time.step < 1000 ? 3 : 0)} ${zoneName()}, ${round(time.step)}`;
}
/* A bar of a bin: no wider than people take for a bar where bins are few. */
function barOf(scale, i) {
    const w = Math.min(scale.per - (scale.per > 5 ? 1 : scale.per > 3 ? 0.5 : 0), 36);
    return [scale.x0 + i * scale.per + (scale.per - w) / 2, w];
}

/* ---- closures over time, by code ---- */

function overTime(data) {
    const { time } = data;
    const series = data.over_time
        .filter((s) => s.source !== 'open')
        .map((s) => ({
            ...s,
            key: codeText(s.code, s.source),
            ink: inkOf(s.code, s.source),
            name: nameOf(data, s.code, s.source),
            total: sum(s.counts),
        }))
        .sort(
            (a, b) =>
                (b.code === 1006) - (a.code === 1006) ||
                (a.code === 'other') - (b.code === 'other') ||
                b.total - a.total,
        );
    const totals = Array.from({ length: time.n }, (_, i) => sum(series.map((s) => s.counts[i])));
    const lead = () => overTimeLead(time, series, totals);
    picture('p-time', (place, width, em) => {
        titled('p-time', lead());
        const height = (width < 500 ? 190 : innerWidth < 2000 ? 220 : 330) + below(em);
        const root = canvas(place, width, height, 'Stacked bars, closures over time by code. ' + lead());
        const y0 = height - below(em),
            y1 = 8,
            top = niceTop(highest(totals));
        const scale = timeScale(time, left(em), width - 2);
        countAxis(root, scale.x0, scale.x1, y0, y1, top);
        const bars = new Inks();
        for (let i = 0; i < time.n; i++) {
            const [x, w] = barOf(scale, i);
            let y = y0;
            for (const s of series) {
                const h = (s.counts[i] / top) * (y0 - y1);
                bars.box(s.ink, x, y - h, w, h);
                y -= h;
            }
        }
        bars.into(root);
        timeAxis(root, time, scale, y0, em);
        alive(root, (x, y) => {
            const i = scale.bin(x);
            if (!totals[i] || y > y0 + 2) return null;
            const here = series.filter((s) => s.counts[i]);
            return {
                lines: [
                    binLabel(time, i),
                    ...here.map((s) => [s.ink, `${s.key} ${s.name}: ${count(s.counts[i])}`]),
                    here.length > 1 && [null, 'together ' + count(totals[i])],
                ],
                filter: { only: 'ended', at: binTime(time, i) },
            };
        });
    });
    legend(
        'p-time',
        series.map((s) => ({
            ink: s.ink,
            text: s.key,
            more: s.name,
            count: s.total,
            filter: s.code === 'other' ? null : { code: s.key },
        })),
    );
    numbers('p-time', 'What ended in each bin of time, by code', ['Time', ...series.map((s) => s.key)], () =>
        [...totals.keys()]
            .filter((i) => totals[i])
            .map((i) => [
                { text: binLabel(time, i), filter: { only: 'ended', at: binTime(time, i) } },
                ...series.map((s) => s.counts[i]),
            ]),
    );
}
function overTimeLead(time, series, totals) {
    const most = highest(totals),
        i = totals.indexOf(most);
    if (!most) return 'Nothing ended in this time.';
    if (most <= 2) return `Never more than ${count(most)} in ${round(time.step)}.`;
    const main = series.reduce((a, b) => (b.counts[i] > a.counts[i] ? b : a));
    const what = main.key === 'other' ? 'other codes' : `${main.key}${main.name ? ' ' + main.name : ''}`;
    return (
        `Most in ${round(time.step)}: ${count(most)} at ${stamp(binTime(time, i)[0])} ${zoneName()}` +
        `, ${main.counts[i] === most ? 'all' : count(main.counts[i])} with ${what}.`
    );
}

/* ---- silence before the end against time ---- */

const LEVELS = 6;
/* Counts from 1 to |max| in at most six steps that grow by a factor. */
function heatSteps(max) {
    const steps = [1];
    for (let i = 1; i < LEVELS; i++) {
        const from = Math.max(steps[i - 1] + 1, Math.round(max ** (i / LEVELS)));
        if (from > max) break;
        steps.push(from);
    }
    return steps;
}
const levelOf = (steps, n) => steps.filter((from) => n >= from).length - 1;

function heat(data) {
    const { time, idle } = data;
    const cells = new Map(idle.cells.map(([t, i, n]) => [t * 1000 + i, n]));
    const rows = idle.edges.map(() => 0);
    for (const [, i, n] of idle.cells) rows[i] += n;
    const used = [...rows.keys()].filter((i) => rows[i]);
    const lead = heatLead(idle, rows);
    titled('p-idle', lead);
    if (!used.length) return;
    const near = idle.limits
        .map((l) => idle.edges.findIndex((e, i) => l.ms >= e && l.ms < idle.edges[i + 1]))
        .filter((i) => i >= 0);
    const low = Math.max(0, Math.min(...used, ...near) - 1),
        high = Math.min(idle.edges.length - 2, Math.max(...used, ...near) + 1);
    const steps = heatSteps(highest([...cells.values()]));
    picture('p-idle', (place, width, em) => {
        const side = width < 500 ? 46 : 90,
            height = Math.round(Math.max(220, (high - low + 1) * 7)) + below(em);
        const root = canvas(place, width, height, 'Heat map, silence before the end against time. ' + lead);
        const y0 = height - below(em),
            y1 = 8;
        const scale = timeScale(time, left(em), width - side - 8),
            y = logScale(idle.edges, low, high, y0, y1);
        logAxis(root, y, scale.x0, scale.x1);
        heatCells(root, idle, { time, scale, y, steps });
        sideBars(root, idle, rows, { y, x: width - side, side });
        timeAxis(root, time, scale, y0, em);
        limitLines(root, idle.limits, { y, x0: scale.x0, x1: width, em, y0 });
        alive(root, (px, py) => {
            const t = scale.bin(px),
                i = y.bin(py),
                total = px > scale.x1;
            const n = total ? rows[i] : px >= scale.x0 && cells.get(t * 1000 + i);
            if (!n) return null;
            const filter = { only: 'closed', idle: binRange(idle.edges, i) };
            if (!total) filter.at = binTime(time, t);
            return {
                lines: [
                    total ? 'at any time' : binLabel(time, t),
                    [null, `${count(n)} after ${binText(idle.edges, i)} of silence`],
                ],
                filter,
            };
        });
    });
    byId('p-idle')
        .querySelector('.legend')
        .replaceChildren(
            ...steps.map((from, i) =>
                el(
                    'li',
                    null,
                    svg(
                        'svg',
                        { class: 'swatch', width: 14, height: 14, 'aria-hidden': 'true' },
                        svg('rect', { width: 14, height: 14, class: heatClass(i, steps) }),
                    ),
                    el(
                        'span',
                        null,
                        i + 1 < steps.length
                            ? steps[i + 1] - 1 > from
                                ? `${count(from)}–${count(steps[i + 1] - 1)}`
                                : count(from)
                            : count(from) + ' or more',
                    ),
                ),
            ),
            el('li', null, 'connections in a cell'),
        );
    numbers('p-idle', 'Silence before the end of what closed', ['Silence', 'Connections', 'Share'], () =>
        used.map((i) => [
            {
                text: binText(idle.edges, i),
                filter: { only: 'closed', idle: binRange(idle.edges, i) },
            },
            rows[i],
            percent(rows[i], sum(rows)),
        ]),
    );
}
const heatClass = (level, steps) =>
    'heat' + (steps.length > 1 ? Math.round((level * (LEVELS - 1)) / (steps.length - 1)) : 3);
function logAxis(root, y, x0, x1) {
    for (const t of y.ticks)
        root.append(line(x0, y.at(t), x1, y.at(t), 'grid'), label(x0 - 6, y.at(t) + 4, round(t), 'end'));
}
function heatCells(root, idle, { scale, y, steps }) {
    const paths = steps.map(() => '');
    const w = Math.min(Math.max(scale.per, 1.5), 36);
    for (const [t, i, n] of idle.cells) {
        const x = scale.x0 + t * scale.per + (scale.per - w) / 2,
            a = y.at(idle.edges[i + 1]),
            b = y.at(idle.edges[i]);
        paths[levelOf(steps, n)] +=
            `M${x.toFixed(1)} ${a.toFixed(1)}h${w.toFixed(1)}V${b.toFixed(1)}h${(-w).toFixed(1)}z`;
    }
    paths.forEach((d, i) => d && root.append(svg('path', { d, class: heatClass(i, steps) })));
}
/* How many of each silence at any time: where a limit is, one bar stands out. */
function sideBars(root, idle, rows, { y, x, side }) {
    const most = highest(rows),
        d = rows.map((n, i) => {
            if (!n) return '';
            const a = y.at(idle.edges[i + 1]),
                b = y.at(idle.edges[i]);
            return `M${x} ${(a + 0.5).toFixed(1)}h${Math.max(1, (n / most) * (side - 4)).toFixed(1)}V${(b - 0.5).toFixed(1)}H${x}z`;
        });
    root.append(svg('path', { d: d.join(''), class: 'heat3' }));
}
const cut = (text, room) => (text.length > room ? text.slice(0, Math.max(8, room - 1)) + '…' : text);
/* A label stands above its line, or below it where another line is close above. */
function limitLines(root, limits, { y, x0, x1, em, y0 }) {
    let above = -Infinity,
        taken = -Infinity;
    for (const l of [...limits].sort((a, b) => b.ms - a.ms)) {
        const at = y.at(l.ms);
        if (at < 0 || at > y0) continue;
        const text = Math.max(at - above < em * 1.5 ? at + em * 1.1 : at - 4, taken + em * 1.2);
        root.append(line(x0, at, x1, at, 'halo'), line(x0, at, x1, at, 'limit'));
        if (text < y0)
            root.append(
                label(x0 + 6, text, cut(shown(l.text), (x1 - x0) / em / 0.64), 'start', 'limit-text'),
            );
        above = at;
        taken = text;
    }
}
function heatLead(idle, rows) {
    const all = sum(rows);
    if (!all) return 'No closure whose silence is known.';
    if (!idle.limits.length) return 'No limit stands out.';
    const names = idle.limits.map((l) => round(l.ms));
    return (
        'Lines: limits that recur, ' +
        (names.length > 1 ? names.slice(0, -1).join(', ') + ' and ' : '') +
        names[names.length - 1] +
        '.'
    );
}

/* ---- connections of each server ---- */

const ENDING_INKS = {
    close_handshake: 1,
    close_unanswered: 2,
    fin: 0,
    reset: 5,
    vanished: 4,
    stream_reset: 6,
    stream_end: 7,
    gap: REST,
    none: REST,
};
const FAILED = 3;
const endingInk = (ending) => (ending in ENDING_INKS ? ENDING_INKS[ending] : FAILED);
const endingGroup = (ending) =>
    endingInk(ending) === FAILED
        ? 'handshake failed'
        : endingInk(ending) === REST
          ? 'not known'
          : endingText(ending);

function servers(data) {
    const { time } = data;
    const lanes = data.servers.map((s) => {
        const ends = Object.entries(s.ends)
            .map(([ending, counts]) => ({ ending, counts, ink: endingInk(ending) }))
            .sort((a, b) => (b.ink === 0) - (a.ink === 0) || sum(b.counts) - sum(a.counts));
        const totals = Array.from({ length: time.n }, (_, i) => sum(ends.map((e) => e.counts[i])));
        return { ...s, ends, totals, most: highest(totals), peak: highest(s.open) };
    });
    const lead = () => serversLead(time, lanes);
    picture('p-servers', (place, width, em) => {
        titled('p-servers', lead());
        const head = Math.round(em * 1.9),
            lane = width < 500 ? 46 : 54,
            each = head + lane + 6;
        const height = lanes.length * each + below(em);
        const root = canvas(place, width, height, 'Connections of each server over time. ' + lead());
        const scale = timeScale(time, left(em), width - 2);
        lanes.forEach((l, i) => drawLane(root, time, l, scale, { top: i * each + head, height: lane, em }));
        timeAxis(root, time, scale, height - below(em), em);
        alive(root, (x, y) => laneTip(time, lanes[Math.floor(y / each)], scale.bin(x)));
    });
    const groups = new Map();
    for (const l of lanes) {
        for (const e of l.ends) {
            const g = groups.get(e.ink) || {
                ink: e.ink,
                text: endingGroup(e.ending),
                count: 0,
                filter: e.ink === FAILED || e.ink === REST ? null : { ending: e.ending },
            };
            g.count += sum(e.counts);
            groups.set(e.ink, g);
        }
    }
    legend('p-servers', [
        ...[...groups.values()].sort((a, b) => b.count - a.count),
        { ink: 'open', text: 'open at that time' },
    ]);
    numbers(
        'p-servers',
        'Where something ended: open before, and ends by ending',
        ['Server', 'Time', 'Open', 'Ended', 'How'],
        () =>
            lanes.flatMap((l) =>
                [...l.totals.keys()]
                    .filter((i) => l.totals[i])
                    .map((i) => [
                        serverName(l),
                        { text: binLabel(time, i), filter: laneFilter(l, binTime(time, i)) },
                        l.open[i],
                        l.totals[i],
                        l.ends
                            .filter((e) => e.counts[i])
                            .map((e) => `${endingText(e.ending)} ${count(e.counts[i])}`)
                            .join(', '),
                    ]),
            ),
    );
}
const serverName = (l) => (l.server === null ? 'all others' : shown(l.server));
const laneFilter = (l, at) =>
    l.server === null ? { only: 'ended', at } : { only: 'ended', at, server: shown(l.server) };
/* Open connections and ends share one scale: when all leave at once, the bar is as high as what was open. */
function drawLane(root, time, l, scale, { top, height, em }) {
    const y0 = top + height,
        max = niceTop(Math.max(l.peak, l.most)),
        up = (n) => (n / max) * height;
    root.append(label(scale.x0, top - em * 0.55, serverName(l), 'start', 'lane-name'));
    root.append(
        label(
            scale.x1,
            top - em * 0.55,
            `${plural(l.count, 'connection', 'connections')}, at most ${count(l.peak)} open, ${count(l.most)} ended in ${round(time.step)}`,
            'end',
            scale.x1 < 560 ? 'tick away' : 'tick',
        ),
    );
    let area = `M${scale.x0} ${y0}`;
    l.open.forEach((n, i) => {
        area += `L${(scale.x0 + i * scale.per).toFixed(1)} ${(y0 - up(n)).toFixed(1)}h${scale.per.toFixed(1)}`;
    });
    root.append(svg('path', { d: area + `L${scale.x1} ${y0}z`, class: 'inkopen' }));
    root.append(line(scale.x0, top, scale.x1, top, 'grid'), line(scale.x0, y0, scale.x1, y0, 'axis'));
    root.append(label(scale.x0 - 6, top + 4, count(max), 'end'), label(scale.x0 - 6, y0 + 4, '0', 'end'));
    const bars = new Inks();
    for (let i = 0; i < time.n; i++) {
        if (!l.totals[i]) continue;
        const [x, w] = barOf(scale, i),
            stretch = Math.max(1, 1.5 / up(l.totals[i]));
        let y = y0;
        for (const e of l.ends) {
            const h = up(e.counts[i]) * stretch;
            bars.box(e.ink, x, y - h, w, h);
            y -= h;
        }
    }
    bars.into(root);
}
function laneTip(time, l, i) {
    if (!l || i < 0 || i >= time.n) return null;
    return {
        lines: [
            `${serverName(l)}, ${binLabel(time, i)}`,
            [null, count(l.open[i]) + ' open at its start'],
            ...l.ends
                .filter((e) => e.counts[i])
                .map((e) => [e.ink, `${endingText(e.ending)}: ${count(e.counts[i])}`]),
        ],
        filter: l.totals[i] ? laneFilter(l, binTime(time, i)) : null,
    };
}
function serversLead(time, lanes) {
    let worst = null;
    for (const l of lanes) {
        if (!worst || l.most > worst.most) worst = l;
    }
    if (!worst || !worst.most) return 'Nothing ended in this time.';
    if (worst.most <= 2)
        return `Never more than ${count(worst.most)} ended in ${round(time.step)} on one server.`;
    const i = worst.totals.indexOf(worst.most);
    const when = `${stamp(binTime(time, i)[0])} ${zoneName()}`;
    const where = worst.server === null ? 'at the other servers' : 'on ' + serverName(worst);
    const open = worst.open[i];
    const left = open ? `; ${count(open)} ${open === 1 ? 'was' : 'were'} open at its start` : '';
    return `Most at once: ${count(worst.most)} in ${round(time.step)} at ${when}, ${where}${left}.`;
}
