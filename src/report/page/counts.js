/* The pictures of counts: age at the end, who closed first, causes, codes by server and path. */

/* ---- age at the end ---- */

function age(data) {
    const { edges } = data.age;
    const panels = [
        { name: 'abnormal (1006)', ink: 0, counts: data.age.abnormal, filter: { abnormal: true } },
        { name: 'with a Close', ink: 1, counts: data.age.normal, filter: { abnormal: false } },
    ].filter((p) => sum(p.counts));
    const used = [...edges.keys()].filter((i) => panels.some((p) => p.counts[i]));
    const lead = ageLead(edges, panels);
    titled('p-age', lead);
    if (!used.length) return;
    const low = Math.max(0, used[0] - 1),
        high = Math.min(edges.length - 2, used[used.length - 1] + 1);
    picture('p-age', (place, width, em) => {
        const head = Math.round(em * 2.4),
            each = 92,
            height = panels.length * (head + each) + Math.round(em * 1.9);
        const root = canvas(
            place,
            width,
            height,
            'Histogram, age at the end on a logarithmic scale. ' + lead,
        );
        const x = logScale(edges, low, high, left(em), width - 2);
        const room = width / (em * 5.5),
            ticks = x.ticks.filter((_, i) => i % Math.ceil(x.ticks.length / room) === 0);
        panels.forEach((p, k) => {
            const y0 = (k + 1) * (head + each),
                top = niceTop(highest(p.counts)),
                bars = new Inks();
            root.append(
                label(
                    left(em),
                    y0 - each - em * 0.75,
                    `${p.name}: ${count(sum(p.counts))}`,
                    'start',
                    'lane-name',
                ),
            );
            countAxis(root, left(em), width - 2, y0, y0 - each, top);
            for (const t of ticks) root.append(line(x.at(t), y0 - each, x.at(t), y0 + 4, 'grid'));
            p.counts.forEach((n, i) => {
                const h = (n / top) * each;
                bars.box(p.ink, x.at(edges[i]) + 0.5, y0 - h, x.at(edges[i + 1]) - x.at(edges[i]) - 1, h);
            });
            bars.into(root);
        });
        for (const t of ticks)
            root.append(label(Math.min(x.at(t), width - em * 1.6), height - em * 0.5, round(t), 'middle'));
        alive(root, (px, py) => {
            const p = panels[Math.floor(py / (head + each))],
                i = x.bin(px);
            if (!p || i < 0 || !p.counts[i]) return null;
            return {
                lines: [`${binText(edges, i)} old`, [p.ink, `${p.name}: ${count(p.counts[i])}`]],
                filter: { ...p.filter, age: binRange(edges, i) },
            };
        });
    });
    numbers('p-age', 'Age at the end of what closed', ['Age', ...panels.map((p) => p.name)], () =>
        used.map((i) => [
            { text: binText(edges, i), filter: { only: 'closed', age: binRange(edges, i) } },
            ...panels.map((p) => p.counts[i]),
        ]),
    );
}
function ageLead(edges, panels) {
    if (!panels.length) return 'No closure whose age is known.';
    const p = panels[0],
        most = highest(p.counts),
        i = p.counts.indexOf(most);
    const total = sum(p.counts),
        share = percent(most, total);
    if (most < 5) return `Too few to have a usual age: ${count(total)} ${p.name}.`;
    return `Most frequent age, ${p.name}: ${binText(edges, i)}, ${share} of ${count(total)}.`;
}

/* ---- lists with bars ---- */

/* One line of a list: name, count, bar of parts. The bar says nothing that the text does not. */
function barRow({ name, filter, parts, total, note }) {
    const bar = svg('svg', { class: 'bar', 'aria-hidden': 'true', focusable: 'false' });
    const row = el(
        'tr',
        null,
        el(
            'th',
            { scope: 'row' },
            filter
                ? el('button', { type: 'button', class: 'link', on: { click: () => narrow(filter) } }, name)
                : name,
        ),
        el('td', { class: 'num' }, count(total)),
        el('td', null, el('div', { class: 'bar-cell' }, bar, el('span', { class: 'note' }, note))),
    );
    return { row, bar, parts };
}
function drawBar({ bar, parts }, width, height, most) {
    const bars = new Inks();
    let x = 0;
    for (const p of parts) {
        const w = (p.count / most) * width;
        bars.box(p.ink, x, 0, w, height);
        x += w;
    }
    bar.setAttribute('viewBox', `0 0 ${width} ${height}`);
    bar.replaceChildren();
    bars.into(bar);
}
function barTable(id, caption, heads, entries, first = 12) {
    const rows = entries.map(barRow),
        most = highest(entries.map((e) => e.total));
    const table = el(
        'table',
        { class: 'bars' },
        el('caption', { class: 'unseen' }, caption),
        el(
            'thead',
            null,
            el(
                'tr',
                null,
                heads.map((h, i) => el('th', { scope: 'col', class: i === 1 ? 'num' : null }, h)),
            ),
        ),
        el(
            'tbody',
            null,
            rows.map((r) => r.row),
        ),
    );
    const place = byId(id).querySelector('.plot');
    place.replaceChildren(table);
    if (!rows.length) return;
    picture(id, () => {
        const { width, height } = rows[0].bar.getBoundingClientRect();
        for (const r of rows) drawBar(r, width, height, most);
    });
    if (rows.length <= first + 2) return;
    rows.slice(first).forEach((r) => r.row.classList.add('beyond'));
    const button = el(
        'button',
        {
            type: 'button',
            class: 'more-rows',
            on: {
                click: () => {
                    table.classList.add('all');
                    button.remove();
                },
            },
        },
        `${first} of ${rows.length}: show all`,
    );
    place.append(button);
}

const SIDE_INKS = { client: 5, server: 4, both: 2, nobody: REST };
function sides(by) {
    return Object.entries(SIDE_INKS)
        .filter(([side]) => by[side])
        .map(([side, ink]) => ({ ink, side, count: by[side] }));
}
function whoFirst(data) {
    const ended = data.endings.filter((e) => e.ending !== 'none').sort((a, b) => b.count - a.count);
    const all = {};
    for (const e of ended) {
        for (const side of Object.keys(SIDE_INKS)) all[side] = (all[side] || 0) + (e.by[side] || 0);
    }
    const total = sum(Object.values(all));
    titled(
        'p-who',
        total
            ? sides(all)
                  .sort((a, b) => b.count - a.count)
                  .map((s) => `${s.side === 'nobody' ? 'not known' : s.side} ${percent(s.count, total)}`)
                  .join(', ') + '.'
            : 'Nothing ended.',
    );
    if (!total) return;
    barTable(
        'p-who',
        'Who closed first, by ending',
        ['Ending', 'Count', 'Who was first'],
        ended.map((e) => ({
            name: endingText(e.ending),
            filter: { ending: e.ending },
            total: e.count,
            parts: sides(e.by),
            note: sides(e.by)
                .map((s) => `${s.side} ${count(s.count)}`)
                .join(', '),
        })),
    );
    legend(
        'p-who',
        sides(all).map((s) => ({ ink: s.ink, text: s.side, count: s.count, filter: { by: s.side } })),
    );
}

function causes(data) {
    const named = data.causes.filter((c) => c.cause !== null).sort((a, b) => b.count - a.count),
        none = data.causes.find((c) => c.cause === null);
    const total = sum(data.causes.map((c) => c.count));
    titled(
        'p-causes',
        named.length
            ? `Most often: ${words(named[0].cause)}, ${percent(named[0].count, total)} of ${count(total)}. A cause is always inferred; the story of each connection says from what.`
            : 'No cause could be named.',
    );
    barTable(
        'p-causes',
        'Causes',
        ['Cause', 'Count', 'Share'],
        [...named, ...(none ? [none] : [])].map((c) => ({
            name: c.cause === null ? 'none named' : words(c.cause),
            filter: { cause: c.cause === null ? 'none' : c.cause },
            total: c.count,
            parts: [{ ink: c.cause === null ? REST : 1, count: c.count }],
            note: percent(c.count, total),
        })),
    );
}

/* ---- codes by server and path ---- */

function paths(data) {
    const bad = (p) => sum(p.codes.filter(([i]) => data.codes[i].code === 1006).map(([, n]) => n));
    const worst = data.paths
        .filter((p) => p.server !== null)
        .reduce((a, b) => (!a || bad(b) > bad(a) ? b : a), null);
    titled(
        'p-paths',
        worst && bad(worst)
            ? `Most abnormal: ${placeName(worst)}, ${count(bad(worst))} of ${count(worst.count)} (${percent(bad(worst), worst.count)}).`
            : 'No abnormal closure at any of these.',
    );
    barTable(
        'p-paths',
        'Codes by server and path',
        ['Server, host and path', 'Count', 'Codes'],
        data.paths.map((p) => ({
            name:
                p.server === null
                    ? 'all others'
                    : [
                          el('span', { class: 'place' }, p.server === undefined ? '' : shown(p.server)),
                          ' ',
                          el('span', { class: 'path' }, shown((p.host || '') + (p.path || ''))),
                      ],
            filter: p.server === null ? null : { server: shown(p.server), host: p.host, path: p.path },
            total: p.count,
            parts: p.codes
                .map(([i, n]) => ({ ink: inkOf(data.codes[i].code, data.codes[i].source), count: n }))
                .sort((a, b) => a.ink - b.ink),
            note:
                [...p.codes]
                    .sort((a, b) => b[1] - a[1])
                    .slice(0, 4)
                    .map(([i, n]) => `${codeText(data.codes[i].code, data.codes[i].source)} ${count(n)}`)
                    .join(', ') + (p.codes.length > 4 ? `, ${p.codes.length - 4} more` : ''),
        })),
    );
    const shownCodes = data.codes.slice(0, 20).filter((c) => inkOf(c.code, c.source) !== REST);
    legend('p-paths', [
        ...shownCodes.map((c) => ({
            ink: inkOf(c.code, c.source),
            text: codeText(c.code, c.source),
            more: c.name,
            filter: { code: codeText(c.code, c.source) },
        })),
        ...(data.codes.length > shownCodes.length ? [{ ink: REST, text: 'other' }] : []),
    ]);
}
const placeName = (p) => shown(p.server) + (p.path ? ' ' + shown(p.path) : '');
