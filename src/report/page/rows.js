/* The connections in this page: unpacked, looked through, put in order. */

async function unpack() {
    const packed = Uint8Array.from(atob(byId('rows').textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Rows(JSON.parse(await new Response(stream).text()));
}

/* Of the small differences that pack well, the values: see README.md. */
function undo(c) {
    const added = (list) => {
        let at = 0;
        return list.map((d) => (at += d));
    };
    const last = added(c.last_packet),
        at = added(c.at);
    const before = (d, i) => (d === null ? null : last[i] - d);
    const close = (f, i) => f && [f[0], f[1], f[2] === null ? null : at[i] + f[2], before(f[3], i), f[4]];
    return {
        ...c,
        at,
        id: added(c.id),
        last_packet: last.map((n) => n || null),
        first_packet: c.first_packet.map(before),
        tcp_end_packet: c.tcp_end_packet.map(before),
        started: c.lead.map((lead, i) => (lead === null ? null : at[i] - Math.floor(c.age[i] || 0) - lead)),
        close_c: c.close_c.map(close),
        close_s: c.close_s.map(close),
    };
}

/* How soon a row is worth a look: the order of the table until another is asked for. */
function worth(v) {
    if (v.outcome === 'closed') return v.close_code === 1006 ? 0 : 3;
    return { handshake_failed: 1, unknown: 2 }[v.outcome] || 4;
}

class Rows {
    constructor(data) {
        this.n = data.n;
        this.of = data.of;
        this.why = data.why;
        this.columns = undo(data.columns);
        this.texts = data.text.map(shown);
        this.verdicts = data.verdicts.map((v) => ({
            ...v,
            code: codeText(v.close_code, v.close_code === null ? v.outcome : v.code_source),
            worth: worth(v),
        }));
        this.hosts = new Set(this.verdicts.map((v) => v.host)).size;
        this.order = Array.from({ length: this.n }, (_, i) => i).sort(
            (a, b) => this.verdict(a).worth - this.verdict(b).worth || a - b,
        );
        this.haystacks = null;
        this.keys = new Map();
    }
    client(i) {
        const address = this.text('client', i);
        return address === null ? null : address + ':' + this.columns.port[i];
    }
    verdict(i) {
        return this.verdicts[this.columns.verdict[i]];
    }
    text(column, i) {
        const at = this.columns[column][i];
        return at === null ? null : this.texts[at];
    }
    place(i) {
        const v = this.verdict(i);
        return shown((v.host || '') + (v.path || ''));
    }
    /* Everything of a row that free text may be looked for in, in small letters. */
    haystack(i) {
        if (!this.haystacks) {
            const verdicts = this.verdicts.map(
                (v) =>
                    Object.values(v)
                        .filter((x) => typeof x === 'string' || typeof x === 'number')
                        .map(shown)
                        .join('\n') +
                    '\n' +
                    words(v.cause) +
                    '\n' +
                    endingText(v.ending),
            );
            this.haystacks = Array.from({ length: this.n }, (_, k) => {
                const reasons = ['close_c', 'close_s']
                    .map((c) => this.columns[c][k])
                    .filter((c) => c && c[1] !== null)
                    .map((c) => this.texts[c[1]]);
                return [this.columns.id[k], this.client(k), verdicts[this.columns.verdict[k]], ...reasons]
                    .join('\n')
                    .toLowerCase();
            });
        }
        return this.haystacks[i];
    }

    /* The rows that pass |f|, those that ended badly first. */
    matching(f) {
        const verdicts = this.verdicts.map((v) => verdictPasses(v, f));
        const needles = (f.text || '').toLowerCase().split(/\s+/).filter(Boolean);
        const ranges = ['at', 'idle', 'age'].filter((k) => f[k]).map((k) => [this.columns[k], f[k]]);
        const found = [];
        for (const i of this.order) {
            if (!verdicts[this.columns.verdict[i]]) continue;
            if (
                !ranges.every(
                    ([column, [from, to]]) => column[i] !== null && column[i] >= from && column[i] < to,
                )
            )
                continue;
            if (needles.length && !needles.every((w) => this.haystack(i).includes(w))) continue;
            found.push(i);
        }
        return found;
    }
    /* Sorts |list| by a column: what is not known comes last either way, equals by their id. */
    sort(list, column, descending) {
        const key = this.keyOf(column),
            id = this.columns.id,
            sign = descending ? -1 : 1;
        return list.sort((a, b) => {
            const x = key[a],
                y = key[b];
            if (x === y) return id[a] - id[b];
            if (x === null) return 1;
            if (y === null) return -1;
            return x < y ? -sign : sign;
        });
    }
    keyOf(column) {
        if (!this.keys.has(column.key)) {
            const values = Array.from({ length: this.n }, (_, i) => column.value(this, i));
            this.keys.set(column.key, column.number ? values : ranks(values));
        }
        return this.keys.get(column.key);
    }
}
/* Texts as numbers of their order, in which 10.0.0.9 stands before 10.0.0.10. */
function ranks(values) {
    const order = new Intl.Collator('en', { numeric: true });
    const known = [...new Set(values)]
        .filter((v) => v !== null)
        .sort((a, b) => order.compare(a, b) || (a < b ? -1 : 1));
    const rank = new Map(known.map((v, i) => [v, i]));
    return values.map((v) => (v === null ? null : rank.get(v)));
}
const orNone = (word) => (word === null || word === undefined ? 'none' : word);
function verdictPasses(v, f) {
    return (
        (!f.code || v.code === f.code) &&
        (!f.cause || orNone(v.cause) === f.cause) &&
        (!f.server || shown(orNone(v.server)) === f.server) &&
        (!f.ending || v.ending === f.ending) &&
        (!f.by || (v.closed_by || 'nobody') === f.by) &&
        (!f.only || (f.only === 'closed' ? v.outcome === 'closed' : v.outcome !== 'open')) &&
        (f.abnormal === undefined || (v.outcome === 'closed' && (v.close_code === 1006) === f.abnormal)) &&
        (f.host === undefined || shown(v.host) === shown(f.host)) &&
        (f.path === undefined || shown(v.path) === shown(f.path))
    );
}

const verdictOf = (key) => (rows, i) => {
    const value = rows.verdict(i)[key];
    return value === undefined || value === null ? null : shown(value);
};
const numberOf = (key) => (rows, i) => rows.columns[key][i];
/* What is in the place of a code that is none: the answer to a handshake, if there was one. */
function shownCode(rows, i) {
    const v = rows.verdict(i),
        status = rows.columns.status[i];
    if (v.close_code !== null && v.close_code !== undefined) return String(v.close_code);
    return v.outcome === 'handshake_failed' && status ? 'HTTP ' + status : null;
}
/* |less|, |least| and |least2|: left out where the window is narrow. */
const COLUMNS = [
    { key: 'id', head: 'ID', number: true, value: numberOf('id') },
    {
        key: 'at',
        head: 'Ended',
        number: true,
        value: numberOf('at'),
        show: (rows, i) => rows.when(rows.columns.at[i]),
        parts: (text) => [text.slice(0, -4), el('span', { class: 'fraction' }, text.slice(-4))],
    },
    {
        key: 'code',
        head: 'Code',
        number: true,
        value: (rows, i) => rows.verdict(i).close_code,
        show: shownCode,
        as: 'code',
    },
    {
        key: 'cause',
        head: 'Cause',
        value: verdictOf('cause'),
        show: (rows, i) => words(rows.verdict(i).cause),
    },
    {
        key: 'ending',
        head: 'Ending',
        value: verdictOf('ending'),
        show: (rows, i) =>
            rows.verdict(i).outcome === 'open' ? 'still open' : endingText(rows.verdict(i).ending),
        as: 'less',
    },
    { key: 'closed_by', head: 'Closed by', value: verdictOf('closed_by'), as: 'least' },
    { key: 'server', head: 'Server', value: verdictOf('server'), as: 'less net' },
    {
        key: 'place',
        head: 'URL',
        value: (rows, i) => rows.place(i) || null,
        show: (rows, i) => (rows.hosts === 1 ? shown(rows.verdict(i).path || '') : rows.place(i)) || null,
        as: 'less net',
    },
    { key: 'client', head: 'Client', value: (rows, i) => rows.client(i), as: 'least2 net' },
    {
        key: 'age',
        head: 'Age',
        number: true,
        value: numberOf('age'),
        show: (rows, i) => duration(rows.columns.age[i]),
        as: 'num less',
    },
    {
        key: 'idle',
        head: 'Idle',
        number: true,
        value: numberOf('idle'),
        show: (rows, i) => duration(rows.columns.idle[i]),
        as: 'num',
    },
];
