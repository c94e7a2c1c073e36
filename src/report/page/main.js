/* What happens when the page is opened. */

const codeNames = new Map();
let database = '';

function openPage() {
    const data = JSON.parse(byId('summary').textContent);
    for (const c of data.codes) codeNames.set(codeText(c.code, c.source), c.name);
    database = data.database || '';
    byId('needs-script').remove();
    findingTools();
    if (data.records > 1) drawPictures(data);
    else byId('pictures').remove();
    addEventListener('beforeprint', () => redrawAll(700));
    addEventListener('afterprint', () => redrawAll(0));
    if (data.records) {
        clockChoice();
        openTable();
    } else {
        byId('connections').remove();
        document.querySelector('nav a[href="#tables"]').remove();
    }
}

/* A part that needs the script, and the link to it. */
function reveal(id) {
    byId(id).hidden = false;
    document.querySelector(`nav a[href="#${id}"]`).hidden = false;
}

function drawPictures(data) {
    patterns();
    assignInks([...data.over_time, ...data.codes]);
    reveal('pictures');
    for (const draw of [overTime, heat, age, servers, causes, whoFirst, paths]) draw(data);
}

/* Lines of a command break between words, not after the first of two hyphens. */
const wordsApart = (command) =>
    command.split(' ').flatMap((w, i) => [i ? ' ' : '', el('span', { class: 'word' }, w)]);

/* A button at each command; what comes after the fifth finding waits until it is asked for. */
const FIRST_FINDINGS = 5;
function findingTools() {
    for (const code of document.querySelectorAll('.command code')) {
        const command = code.textContent;
        code.replaceChildren(...wordsApart(command));
        code.parentNode.append(copyButton(command, 'the command'));
    }
    const items = [...document.querySelectorAll('.findings > li')],
        rest = items.slice(FIRST_FINDINGS);
    if (rest.length < 2) return;
    const list = items[0].parentNode;
    const button = el(
        'button',
        {
            type: 'button',
            class: 'more-rows',
            on: {
                click: () => {
                    list.classList.add('all');
                    button.remove();
                    rest[0].tabIndex = -1;
                    rest[0].focus();
                },
            },
        },
        `${FIRST_FINDINGS} of ${items.length} findings: show all`,
    );
    rest.forEach((item) => item.classList.add('beyond'));
    list.after(button);
}

function clockChoice() {
    if (!new Date().getTimezoneOffset()) return;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'local';
    const box = el('input', { type: 'checkbox', id: 'local-time' });
    box.addEventListener('change', () => {
        clock.local = box.checked;
        redrawAll(0);
        if (view.rows) update();
    });
    byId('clock').hidden = false;
    byId('clock').replaceChildren(
        el('label', null, box, ` Times of pictures and table in local time (${zone}) instead of UTC`),
    );
}

async function openTable() {
    reveal('connections');
    if (typeof DecompressionStream === 'undefined') {
        byId('state').textContent =
            'This browser cannot unpack the table of connections (it has no DecompressionStream); all else in this page is complete.';
        return;
    }
    try {
        startTable(await unpack());
    } catch (error) {
        byId('state').textContent =
            'The table of connections could not be unpacked: the file is damaged. (' + error.message + ')';
    }
}

openPage();
