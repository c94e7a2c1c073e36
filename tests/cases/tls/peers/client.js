// A WebSocket client (node `ws`) over TLS: says hello, then does its part of the path's words (see tlslab.py), for each URL in turn.
// usage: client.js KEYLOG URL... '{"maxVersion": "TLSv1.2"}'
'use strict';
const fs = require('fs');
const WebSocket = require('ws');

const keylog = process.argv[2];
const urls = process.argv.slice(3, -1);
const options = JSON.parse(process.argv[process.argv.length - 1]);
const log = (o) => console.log(JSON.stringify(o));

function next() {
  if (!urls.length) return;
  const url = new URL(urls.shift());
  const path = url.pathname;
  const [, , who, what, reason] = path.split('/').map(decodeURIComponent);
  const ws = new WebSocket(url, { servername: 'sample.example', rejectUnauthorized: false, perMessageDeflate: false, ...options });
  let socket;
  ws.on('upgrade', (res) => {
    socket = res.socket;
    log({ at: path, address: `${socket.localAddress}:${socket.localPort}`, suite: socket.getCipher().standardName, version: socket.getProtocol() });
  });
  ws.on('open', () => ws.send('hello'));
  ws._req.on('socket', (s) => s.on('keylog', (line) => fs.appendFileSync(keylog, line)));
  ws.on('error', () => {});
  ws.on('message', () => {
    if (who === 'server') ws.send('go');
    else if (/^\d+$/.test(what)) ws.close(Number(what), reason || '');
    else if (what === 'empty') ws.close();
    else if (what === 'cut') ws.terminate();
    else if (what === 'fin') socket.end();
    else socket.resetAndDestroy();
  });
  ws.on('close', (code, r) => { log({ path, code, reason: r.toString() }); setTimeout(next, 100); });
}
next();
