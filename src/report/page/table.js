/* The table of connections: what it shows is the state below, drawn anew after each change. */

const PAGE = 100;
const view = {
    rows: null,
    filter: {},
    sort: null,
    descending: false,
    list: [],
    page: 0,
    open: new Set(),
    back: null,
};
const SELECTS = [
    ['code', 'Code', (v) => v.code, (w) => w],
    ['cause', 'Cause', (v) => orNone(v.cause), (w) => (w === 'none' ? 'none named' : words(w))],
    ['server', 'Server', (v) => shown(orNone(v.server)), (w) => w],
    ['ending', 'Ending', (v) => v.ending, endingText],
    ['by', 'Closed by', (v) => v.closed_by || 'nobody', (w) => (w === 'nobody' ? 'not known' : w)],
];

function startTable(rows) {
    view.rows = rows;
    const at = rows.columns.at;
    const days = new Set(
        [highest(at), at.reduce((a, b) => Math.min(a, b), Infinity)].map((t) => stamp(t).slice(0, 10)),
    );
    byId('table').classList.toggle('dated', days.size > 1);
    rows.when = (ms) => (days.size > 1 ? stamp(ms, 3).slice(5) : timeOfDay(ms, 3));
    makeFilters();
    makeHead();
    byId('table').hidden = false;
    addEventListener('resize', fitStories);
    if (rows.n === 1) view.open.add(0);
    update();
}

function makeFilters() {
    const place = byId('filters');
    const text = el('input', {
        type: 'search',
        id: 'f-text',
        autocomplete: 'off',
        spellcheck: 'false',
        placeholder: 'address, path, reason, software …',
    });
    let waiting = 0;
    text.addEventListener('input', () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => change({ ...view.filter, text: text.value }), 120);
    });
    place.replaceChildren(
        el('label', { class: 'wide' }, el('span', null, 'Find'), text),
        ...SELECTS.map(([key, name, of, say]) => {
            const select = el(
                'select',
                { id: 'f-' + key },
                el('option', { value: '' }, 'any'),
                tally(of).map(([word, n]) => el('option', { value: word }, `${say(word)} (${count(n)})`)),
            );
            select.addEventListener('change', () =>
                change({ ...view.filter, [key]: select.value || undefined }),
            );
            return el('label', null, el('span', null, name), select);
        }),
        el('button', { type: 'button', id: 'f-clear', on: { click: () => change({}) } }, 'Clear'),
    );
}
/* How many rows of this page have each word, most first. */
function tally(of) {
    const { rows } = view,
        tallies = new Map();
    const each = rows.verdicts.map(() => 0);
    for (const v of rows.columns.verdict) each[v]++;
    rows.verdicts.forEach((v, i) => tallies.set(of(v), (tallies.get(of(v)) || 0) + each[i]));
    return [...tallies].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 500);
}

function makeHead() {
    byId('table').tHead.replaceChildren(
        el(
            'tr',
            null,
            COLUMNS.map((c) =>
                el(
                    'th',
                    { scope: 'col', class: c.as, 'data-key': c.key },
                    el(
                        'button',
                        {
                            type: 'button',
                            on: {
                                click: () => {
                                    view.descending =
                                        view.sort === c.key ? !view.descending : Boolean(c.number);
                                    view.sort = c.key;
                                    view.page = 0;
                                    update();
                                },
                            },
                        },
                        c.head,
                    ),
                ),
            ),
        ),
    );
}

/* What a click in a picture or on a legend asks for: those connections and no others. */
function narrow(filter) {
    if (!view.rows) return;
    view.back = scrollY;
    change(filter);
    byId('connections').scrollIntoView();
    byId('state').focus({ preventScroll: true });
}
function change(filter) {
    view.filter = filter;
    view.page = 0;
    view.open.clear();
    update();
}

function update() {
    const { rows, filter } = view;
    const found = rows.matching(filter),
        column = COLUMNS.find((c) => c.key === view.sort);
    view.list = column ? rows.sort(found, column, view.descending) : found;
    for (const th of byId('table').tHead.rows[0].cells) {
        const by = th.dataset.key === view.sort;
        if (by) th.setAttribute('aria-sort', view.descending ? 'descending' : 'ascending');
        else th.removeAttribute('aria-sort');
    }
    for (const [key] of SELECTS) byId('f-' + key).value = filter[key] || '';
    if (byId('f-text').value !== (filter.text || '')) byId('f-text').value = filter.text || '';
    byId('f-clear').disabled = !Object.values(filter).some((v) => v !== undefined && v !== '');
    chips();
    byId('state').textContent = stateText();
    drawPage();
}
function stateText() {
    const { rows, list } = view,
        part = rows.of > rows.n;
    const here = plural(rows.n, 'connection', 'connections') + (part ? ' in this table' : '');
    const held = part ? `${count(rows.n)} of ${count(rows.of)} records` : '';
    if (!rows.n) return 'No connection is in this page.';
    if (!list.length) return `None of the ${here}${part ? ` (${held})` : ''} is like that.`;
    if (list.length < rows.n) return `${count(list.length)} of ${here}${part ? ` (${held})` : ''}.`;
    const order = view.sort === null && rows.n > 1 ? ', what ended badly first' : '';
    return `${here}${order}${part ? `: ${held}, ${rows.why}` : ''}.`;
}

const lengths = ([from, to]) =>
    to === Infinity ? `from ${round(from)}` : from ? `${round(from)} to ${round(to)}` : `below ${round(to)}`;
const RANGES = {
    at: (r) => `ended ${stamp(r[0], 3)} to ${stamp(r[1], 3)} ${zoneName()}`,
    idle: (r) => 'idle ' + lengths(r),
    age: (r) => 'age ' + lengths(r),
    only: (what) => what,
    abnormal: (yes) => (yes ? 'abnormal' : 'closed, not abnormal'),
    host: (h) => 'host ' + (h === null ? 'not known' : shown(h)),
    path: (p) => 'path ' + (p === null ? 'not known' : shown(p)),
};
/* Filters that have no field above: each may be taken off. */
function chips() {
    const { filter } = view;
    const list = Object.keys(RANGES)
        .filter((k) => filter[k] !== undefined)
        .map((k) => {
            const text = RANGES[k](filter[k]);
            return el(
                'button',
                {
                    type: 'button',
                    class: 'chip',
                    'aria-label': 'Remove the filter: ' + text,
                    on: { click: () => change({ ...filter, [k]: undefined }) },
                },
                text,
                el('span', { 'aria-hidden': 'true' }, ' ×'),
            );
        });
    if (view.back !== null) {
        list.push(
            el(
                'button',
                {
                    type: 'button',
                    class: 'link back',
                    on: {
                        click: () => {
                            scrollTo(0, view.back);
                            view.back = null;
                            chips();
                        },
                    },
                },
                'Back to the picture',
            ),
        );
    }
    byId('chips').replaceChildren(...list);
}

function drawPage() {
    const { list, page } = view,
        from = page * PAGE;
    byId('table').tBodies[0].replaceChildren(...list.slice(from, from + PAGE).flatMap(rowElements));
    const pages = Math.ceil(list.length / PAGE);
    byId('pages').hidden = pages < 2;
    const go = (to, text, off) =>
        el(
            'button',
            {
                type: 'button',
                disabled: off,
                on: {
                    click: () => {
                        view.page = to;
                        drawPage();
                        byId('connections').scrollIntoView();
                    },
                },
            },
            text,
        );
    byId('pages').replaceChildren(
        go(0, 'First', page === 0),
        go(page - 1, 'Previous', page === 0),
        el(
            'span',
            { role: 'status' },
            `${count(from + 1)} to ${count(Math.min(from + PAGE, list.length))} of ${count(list.length)}`,
        ),
        go(page + 1, 'Next', page >= pages - 1),
        go(pages - 1, 'Last', page >= pages - 1),
    );
}

function rowElements(i) {
    const { rows } = view,
        id = rows.columns.id[i],
        isOpen = view.open.has(i);
    const button = el(
        'button',
        {
            type: 'button',
            class: 'opener',
            'aria-expanded': String(isOpen),
            'aria-label': `Connection ${id}: its story`,
        },
        String(id),
    );
    const row = el(
        'tr',
        { class: 'row ' + kindOf(rows.verdict(i)) },
        COLUMNS.map((c) => cellOf(c, i, button)),
    );
    row.addEventListener('click', () => {
        if (String(getSelection())) return;
        toggle(i, row, button);
    });
    button.addEventListener('keydown', (event) => stepRows(event, row));
    return isOpen ? [row, storyRow(i)] : [row];
}
const kindOf = (v) => (v.close_code === 1006 ? 'bad' : v.outcome === 'handshake_failed' ? 'failed' : 'fine');
function cellOf(column, i, button) {
    if (column.key === 'id') return el('td', { class: 'opener-cell' }, button);
    const text = column.show ? column.show(view.rows, i) : column.value(view.rows, i);
    const cell = el(
        'td',
        { class: column.as },
        text === null ? '–' : column.parts ? column.parts(text) : text,
    );
    if (column.as && column.as.includes('net') && text) cell.title = text;
    return cell;
}
function toggle(i, row, button) {
    const isOpen = !view.open.has(i);
    button.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) {
        view.open.add(i);
        row.after(storyRow(i));
    } else {
        view.open.delete(i);
        row.nextElementSibling.remove();
    }
}
function stepRows(event, row) {
    const way = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
    if (!way) return;
    let to = row[way];
    while (to && !to.classList.contains('row')) to = to[way];
    if (!to) return;
    event.preventDefault();
    to.querySelector('.opener').focus();
}
function storyRow(i) {
    return el('tr', { class: 'story' }, el('td', { colspan: columnsShown() }, story(view.rows, i)));
}
/* A story is as wide as the columns that the window has room for. */
const columnsShown = () =>
    [...byId('table').tHead.rows[0].cells].filter((th) => getComputedStyle(th).display !== 'none').length;
function fitStories() {
    for (const cell of document.querySelectorAll('.story > td')) cell.colSpan = columnsShown();
}
