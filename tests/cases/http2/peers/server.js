// WebSockets over HTTP/2 (RFC 8441) with node's http2 and `ws`, and ordinary requests beside them. The path says what to do when a message "go" comes:
// /N/server/1011/reason, /N/server/empty, /end, /rst/CODE (node sends END_STREAM first), /kill (RST_STREAM alone), /goaway/CODE, /fin, /tcprst; /N/reject/403 and /N/refuse/CODE at once.
// It logs what its library reports at the end of each WebSocket.
// usage: server.js PORT '{"key": FILE, "cert": FILE, "keylog": FILE, "padding": true, "http1": true}'
'use strict';
const fs = require('fs');
const http2 = require('http2');
const WebSocket = require('ws');

const port = Number(process.argv[2]);
const options = JSON.parse(process.argv[3] || '{}');
const log = (o) => console.log(JSON.stringify(o));
const settings = { enableConnectProtocol: true };
const padding = { paddingStrategy: options.padding ? http2.constants.PADDING_STRATEGY_MAX : http2.constants.PADDING_STRATEGY_NONE };
const server = options.key
  ? http2.createSecureServer({ key: fs.readFileSync(options.key), cert: fs.readFileSync(options.cert), allowHTTP1: Boolean(options.http1), settings, ...padding, ...options.tls })
  : http2.createServer({ settings, ...padding });
if (options.keylog) server.on('keylog', (line) => fs.appendFileSync(options.keylog, line));

function act(ws, stream, what, value, reason) {
  const session = stream.session;
  if (/^\d+$/.test(what)) ws.close(Number(what), value || '');
  else if (what === 'empty') ws.close();
  else if (what === 'end') stream.end();
  else if (what === 'rst') stream.close(Number(value));
  else if (what === 'kill') stream.destroy(new Error('killed'));
  else if (what === 'goaway') { session.goaway(Number(value), 0, reason ? Buffer.from(reason) : undefined); setTimeout(() => session.destroy(), 200); }
  else if (what === 'fin') session.destroy();
  else if (what === 'tcprst') raw.get(session).resetAndDestroy();
}

const raw = new WeakMap();
const sockets = [];
server.prependListener('connection', (s) => { sockets.push(s); s.on('error', () => {}); });
server.on('session', (session) => {
  const at = sockets.find((s) => s.remotePort === session.socket.remotePort);
  raw.set(session, at);
  session.on('error', () => {});
  session.on('goaway', (code, last, data) => log({ goaway: code, last, data: data ? data.toString() : '' }));
});

server.on('stream', (stream, headers) => {
  const path = headers[':path'];
  stream.on('error', () => {});
  if (headers[':protocol'] !== 'websocket') {
    if (path === '/page') { stream.respond({ ':status': 200, 'content-type': 'text/html' }); return stream.end(options.page); }
    let n = 0;
    stream.on('data', (d) => { n += d.length; });
    stream.on('end', () => { stream.respond({ ':status': 200, 'content-type': 'text/plain' }); stream.end(`got ${n} bytes, here are some: ` + 'x'.repeat(300)); });
    return;
  }
  const at = stream.session.socket;
  log({ remote: `${at.remoteAddress.replace('::ffff:', '')}:${at.remotePort}`, first: path });
  const [, , who, what, value, reason] = path.split('/').map(decodeURIComponent);
  if (who === 'reject') { stream.respond({ ':status': Number(what), server: 'refuser/1.0' }); stream.end('no'); return log({ path, rejected: Number(what) }); }
  if (who === 'refuse') { stream.close(Number(what)); return log({ path, refused: Number(what) }); }
  if (who === 'silent') return;
  stream.respond({ ':status': 200, ...(headers['sec-websocket-protocol'] && { 'sec-websocket-protocol': 'chat' }) });
  const ws = new WebSocket(null, undefined, { isServer: true });
  ws._isServer = true;
  ws.on('error', () => {});
  stream.on('aborted', () => log({ aborted: path, rst: stream.rstCode }));
  ws.on('close', (code, r) => log({ path, code, reason: r.toString(), rst: stream.rstCode }));
  ws.on('message', (data, binary) => {
    const text = binary ? '' : data.toString();
    if (text === 'go') act(ws, stream, what, value, reason);
    else ws.send(data, { binary });
  });
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 20, skipUTF8Validation: false });
});
if (options.http1) {
  const wss = new WebSocket.WebSocketServer({ noServer: true });
  server.on('request', (req, res) => { if (req.httpVersion === '1.1') res.end('one'); });
  server.on('upgrade', (req, socket, head) => wss.handleUpgrade(req, socket, head, (ws) => {
    const [, , , what, value] = req.url.split('/').map(decodeURIComponent);
    ws.on('close', (code, r) => log({ path: req.url, code, reason: r.toString() }));
    ws.on('message', (d) => { if (d.toString() === 'go') ws.close(Number(what), value || ''); else ws.send(d.toString()); });
  }));
}
server.listen(port, '0.0.0.0', () => log({ ready: true }));
