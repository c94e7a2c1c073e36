// WebSockets over HTTP/2 with node's http2 and `ws`, one connection. Each step is a path, opened `at` so many milliseconds:
// {"at": 0, "path": "/1/server/1011/reason"} and /N/client/...: it ends the stream itself, with the words of server.js;
// {"at": 10, "get": "/style.css"}, {"post": "/form", "bytes": 3000}; {"goaway": 0}, {"fin": true}, {"tcprst": true} end the connection.
// usage: client.js URL STEPS '{"keylog": FILE, "padding": true}'
'use strict';
const fs = require('fs');
const http2 = require('http2');
const net = require('net');
const tls = require('tls');
const WebSocket = require('ws');

const url = new URL(process.argv[2]);
const steps = JSON.parse(process.argv[3]);
const options = JSON.parse(process.argv[4] || '{}');
const log = (o) => console.log(JSON.stringify(o));
const port = Number(url.port);
let socket;
const padding = { paddingStrategy: options.padding ? http2.constants.PADDING_STRATEGY_MAX : http2.constants.PADDING_STRATEGY_NONE };
const session = http2.connect(`${url.protocol}//sample.example:${port}`, {
  ...padding,
  createConnection: () => {
    socket = url.protocol === 'https:'
      ? tls.connect({ host: url.hostname, port, servername: 'sample.example', ALPNProtocols: ['h2'], rejectUnauthorized: false })
      : net.connect(port, url.hostname);
    if (options.keylog) socket.on('keylog', (line) => fs.appendFileSync(options.keylog, line));
    return socket;
  },
});
session.on('error', (e) => log({ session: e.code }));
session.on('goaway', (code, last, data) => log({ goaway: code, last, data: data ? data.toString() : '' }));
session.on('close', () => log({ closed: true }));
session.on('connect', () => log({ address: `${socket.localAddress}:${socket.localPort}` }));

function act(ws, stream, what, value) {
  if (/^\d+$/.test(what)) ws.close(Number(what), value || '');
  else if (what === 'empty') ws.close();
  else if (what === 'end') stream.end();
  else if (what === 'rst') stream.close(Number(value));
  else if (what === 'kill') stream.destroy(new Error('killed'));
}

function websocket(path) {
  const [, , who, what, value] = path.split('/').map(decodeURIComponent);
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, ':scheme': url.protocol.slice(0, -1), 'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat', origin: 'https://sample.example', 'user-agent': 'node-http2' });
  let ws;
  stream.on('error', (e) => log({ error: path, what: e.code, rst: stream.rstCode }));
  stream.on('response', (h) => {
    log({ status: h[':status'], of: path });
    if (h[':status'] !== 200) return stream.resume();
    ws = new WebSocket(null, undefined, {});
    ws._isServer = false;
    ws.on('error', () => {});
    ws.on('close', (code, r) => log({ path, code, reason: r.toString(), rst: stream.rstCode }));
    ws.on('message', (data) => {
      if (data.toString() !== 'hello') return;
      if (who === 'server') ws.send('go');
      else if (who === 'client') act(ws, stream, what, value);
    });
    ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 20, skipUTF8Validation: false });
    ws.send('hello');
  });
  stream.on('close', () => { if (!ws) log({ path, code: 1006, reason: '', rst: stream.rstCode }); });
}

function request(method, path, bytes) {
  const r = session.request({ ':method': method, ':path': path });
  r.on('error', () => {});
  r.on('data', () => {});
  r.end('y'.repeat(bytes || 0));
}

session.on('remoteSettings', (s) => {
  if (!s.enableConnectProtocol) return;
  session.removeAllListeners('remoteSettings');
  log({ enabled: true });
  for (const step of steps) {
    setTimeout(() => {
      if (step.path) websocket(step.path);
      else if (step.get) request('GET', step.get);
      else if (step.post) request('POST', step.post, step.bytes);
      else if (step.goaway !== undefined) { session.goaway(step.goaway); setTimeout(() => session.destroy(), 100); }
      else if (step.fin) session.destroy();
      else if (step.close) session.close();
      else if (step.tcprst) socket.resetAndDestroy();
    }, step.at || 0);
  }
});
