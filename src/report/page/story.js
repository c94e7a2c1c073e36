/* The story of one connection: what it was, what happened in which order, what each side saw, and
 * what to type to see it in the packets. */

function story(rows, i) {
    const c = rows.columns,
        v = rows.verdict(i),
        id = c.id[i];
    return el(
        'section',
        { class: 'tale', 'aria-label': `Story of connection ${id}` },
        el('p', { class: 'verdict' }, verdictText(v)),
        evidence(rows, i),
        el(
            'div',
            { class: 'parts' },
            part('In order', course(rows, i), 'broad'),
            part('Each side', bothSides(rows, i)),
            part('Handshake', handshake(rows, i)),
            part('In the packets', commands(rows, i)),
            violations(rows, i),
            legs(rows, i),
        ),
    );
}
const part = (head, body, kind) => el('div', { class: kind }, el('h3', null, head), body);

/* "1006 Abnormal Closure, inferred" */
function codeInFull(v) {
    if (v.close_code === null || v.close_code === undefined) return words(v.outcome);
    const name = codeNames.get(v.code);
    const source = v.code_source === 'wire' ? 'on the wire' : v.code_source;
    return `${v.close_code}${name ? ' ' + name : ''}${source ? ', ' + source : ''}`;
}
function verdictText(v) {
    const code = codeInFull(v);
    const why = v.cause
        ? `cause: ${words(v.cause)}${v.confidence ? ` (${v.confidence})` : ''}`
        : 'no cause named';
    const end =
        v.outcome === 'open'
            ? 'still open at the end of the capture'
            : endingText(v.ending) +
              (v.closed_by ? `, ${v.closed_by === 'both' ? 'both sides' : 'the ' + v.closed_by} first` : '');
    return [
        el('b', null, code),
        `; ${end}; ${why}`,
        v.reason ? [', reason ', quote(v.reason)] : '',
        v.app_code && v.app_code.name ? `; ${shown(v.app_code.scope)}: ${shown(v.app_code.name)}` : '',
        v.software ? `; software: ${shown(v.software)}` : '',
        '.',
    ];
}
const quote = (text) => el('q', { class: 'net' }, shown(text));

/* Sentences come as a text with {} where each number goes. */
function sentence(rows, [text, ...values]) {
    return values.length ? rows.texts[text].replace(/\{\}/g, () => String(values.shift())) : rows.texts[text];
}
function evidence(rows, i) {
    const list = rows.columns.evidence[i];
    return list && list.length
        ? el(
              'ul',
              null,
              list.map((s) => el('li', null, sentence(rows, s))),
          )
        : null;
}

/* ---- what happened, in order, each with the packet it stands in ---- */

function course(rows, i) {
    const c = rows.columns,
        v = rows.verdict(i),
        start = c.started[i],
        ended = c.at[i];
    const events = [
        {
            at: start,
            what: v.midstream ? 'first packet seen (began before the capture)' : 'TCP connection begins',
            packet: c.first_packet[i],
        },
    ];
    if (c.idle[i] !== null && ended !== null && c.idle[i] > 0)
        events.push({ at: ended - c.idle[i], what: `last byte before ${duration(c.idle[i])} of silence` });
    for (const [column, side] of [
        ['close_c', 'client'],
        ['close_s', 'server'],
    ]) {
        const close = c[column][i];
        if (close) events.push({ at: close[2], by: side, what: closeText(rows, close), packet: close[3] });
    }
    events.sort((a, b) => (a.at === null ? Infinity : a.at) - (b.at === null ? Infinity : b.at));
    if (v.tcp_end && v.tcp_end !== 'none')
        events.push({
            at: v.ending === 'fin' || v.ending === 'reset' ? ended : null,
            by: v.tcp_end_by,
            what: `first TCP end: ${v.tcp_end.toUpperCase()}`,
            packet: c.tcp_end_packet[i],
        });
    events.push({
        at: v.outcome === 'open' ? ended : null,
        what: v.outcome === 'open' ? 'last packet; still open' : 'last packet of the verdict',
        packet: c.last_packet[i],
    });
    return el(
        'table',
        { class: 'course', 'aria-label': 'What happened, in order' },
        el(
            'thead',
            null,
            el(
                'tr',
                null,
                ['After', 'Side', 'What', 'Packet'].map((h) => el('th', { scope: 'col' }, h)),
            ),
        ),
        el(
            'tbody',
            null,
            events.map((e) =>
                el(
                    'tr',
                    null,
                    el(
                        'td',
                        {
                            class: 'num',
                            title:
                                e.at === null || e.at === undefined
                                    ? null
                                    : stamp(e.at, 3) + ' ' + zoneName(),
                        },
                        e.at === null || e.at === undefined || start === null
                            ? ''
                            : duration(Math.max(0, e.at - start)),
                    ),
                    el('td', null, e.by || ''),
                    el('td', null, e.what),
                    el('td', { class: 'num' }, packetCell(e.packet)),
                ),
            ),
        ),
    );
}
const packetCell = (n) =>
    n === null || n === undefined
        ? ''
        : [String(n), ' ', copyButton(`frame.number == ${n}`, `frame.number == ${n}`)];
function closeText(rows, [code, reason, , , valid]) {
    return [
        'Close ',
        code === null ? 'without a code' : String(code),
        reason === null || rows.texts[reason] === ''
            ? ''
            : [' ', el('q', { class: 'net' }, rows.texts[reason])],
        valid === false || valid === 0 ? ' (not valid)' : '',
    ];
}

function bothSides(rows, i) {
    const c = rows.columns,
        v = rows.verdict(i),
        of = (key, say) => (c[key][i] || [null, null]).map((n) => (n === null ? '–' : say(n)));
    const saw = (s) =>
        s
            ? [String(s.code), s.reason ? [' ', quote(s.reason)] : '', s.clean ? ', clean' : ', not clean']
            : '–';
    const lines = [
        ['Messages sent', of('messages', count)],
        ['Bytes in them', of('bytes', size)],
        ['Size of the last', of('last_message', size)],
        ['Pings sent', of('pings', count)],
        ['Pongs sent', of('pongs', count)],
        ['Not captured', of('missing', (n) => (n ? size(n) : 'nothing'))],
        ['Its program saw', [saw(v.client_saw), saw(v.server_saw)]],
    ];
    return [
        el(
            'table',
            { class: 'sides', 'aria-label': 'What each side sent and saw' },
            el(
                'thead',
                null,
                el(
                    'tr',
                    null,
                    el('td', null),
                    el('th', { scope: 'col' }, 'Client'),
                    el('th', { scope: 'col' }, 'Server'),
                ),
            ),
            el(
                'tbody',
                null,
                lines.map(([head, [a, b]]) =>
                    el('tr', null, el('th', { scope: 'row' }, head), el('td', null, a), el('td', null, b)),
                ),
            ),
        ),
        c.rtt[i] === null
            ? null
            : el('p', null, `The last Ping that was answered took ${duration(c.rtt[i])}.`),
    ];
}

function handshake(rows, i) {
    const c = rows.columns,
        v = rows.verdict(i);
    const lines = [
        ['Client', rows.client(i)],
        ['Server', v.server],
        ['Status', v.midstream ? 'not seen: the capture began later' : c.status[i]],
        [
            'URL',
            v.host || v.path ? `${v.scheme ? v.scheme + '://' : ''}${v.host || ''}${v.path || ''}` : null,
        ],
        ['HTTP', v.http],
        ['TLS', v.tls_version],
        ['Server name', v.sni],
        ['Subprotocol', v.subprotocol],
        ['Extensions', v.extensions],
        ['Origin', v.origin],
        ['User agent', v.user_agent],
        ['Server software', v.server_software],
        ['Began', c.started[i] === null ? null : `${stamp(c.started[i], 3)} ${zoneName()}`],
        ['Ended', c.at[i] === null ? null : `${stamp(c.at[i], 3)} ${zoneName()}`],
        ['Age', c.age[i] === null ? null : duration(c.age[i])],
    ];
    return el(
        'dl',
        null,
        lines
            .filter(([, value]) => value !== null && value !== undefined && value !== '')
            .map(([name, value]) =>
                el('div', null, el('dt', null, name), el('dd', { class: 'net' }, shown(value))),
            ),
    );
}

function violations(rows, i) {
    const list = rows.columns.violations[i];
    if (!list || !list.length) return null;
    return part(
        'Against the RFC',
        el(
            'ul',
            null,
            list.map(([by, rule, packet]) =>
                el(
                    'li',
                    null,
                    `${by}: ${words(rule).replace(/-/g, ' ')}`,
                    packet === null ? '' : [', packet ', packetCell(packet)],
                ),
            ),
        ),
    );
}

function legs(rows, i) {
    const list = rows.columns.legs[i];
    return list && list.length
        ? part(
              'The other side of the proxy',
              el('p', null, `The same connection on its other leg: ${list.join(', ')}.`),
          )
        : null;
}

function commands(rows, i) {
    const c = rows.columns,
        id = c.id[i],
        capture = rows.text('capture', i);
    const lines = [
        ['Its story in the terminal', database && command(`show ${id}`)],
        ['Its packets as a file', database && command(`extract ${id} -o ${id}.pcapng`)],
        ['In Wireshark', filterOf(rows, i)],
    ];
    return [
        capture
            ? el('p', null, 'Packet numbers are those of ', el('span', { class: 'net' }, capture), '.')
            : null,
        el(
            'dl',
            { class: 'commands' },
            lines
                .filter(([, text]) => text)
                .map(([name, text]) =>
                    el(
                        'div',
                        null,
                        el('dt', null, name),
                        el(
                            'dd',
                            null,
                            el('code', null, wordsApart(text)),
                            ' ',
                            copyButton(text, name.toLowerCase()),
                        ),
                    ),
                ),
        ),
    ];
}
/* The database is named where it is not the usual one, as a word of the shell. */
function command(what) {
    const word = /^[\w.,:@%+/-]+$/.test(database) ? database : "'" + database.replace(/'/g, "'\\''") + "'";
    return `wsclose ${what}${database === 'wsclose.db' ? '' : ' --db ' + word}`;
}
function filterOf(rows, i) {
    const c = rows.columns,
        first = c.first_packet[i],
        last = c.last_packet[i];
    const parts = [
        c.port[i] !== null && `tcp.port == ${c.port[i]}`,
        first !== null && `frame.number >= ${first}`,
        last !== null && `frame.number <= ${last}`,
    ];
    return parts.filter(Boolean).join(' && ');
}
