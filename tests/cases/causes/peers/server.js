// A WebSocket server (node `ws`) whose behaviour is the first part of the request's path: /close/4001/reason, /terminate, /echo ...
// It logs what its library reports at the end of each connection.
'use strict';
const { WebSocketServer } = require('ws');
const fs = require('fs');
const http = require('http');
const https = require('https');

const port = Number(process.argv[2]);
const options = JSON.parse(process.argv[3] || '{}');
const log = (o) => console.log(JSON.stringify(o));
const refuse = (req, res) => { res.writeHead(404, { 'Content-Length': 0 }); res.end(); };
// options.tls: paths of key, cert and of the key log to write.
const server = options.tls
  ? https.createServer({ key: fs.readFileSync(options.tls.key), cert: fs.readFileSync(options.tls.cert) }, refuse)
  : http.createServer(refuse);
if (options.tls) server.on('keylog', (line) => fs.appendFileSync(options.tls.keylog, line));
const wss = new WebSocketServer({ noServer: true, ...(options.ws || {}) });

// The README's heartbeat: who has not answered the last Ping is terminated.
if (options.heartbeat) {
  setInterval(() => {
    for (const ws of wss.clients) {
      if (ws.alive === false) { ws.terminate(); continue; }
      ws.alive = false;
      ws.ping();
    }
  }, options.heartbeat);
}

server.on('upgrade', (req, socket, head) => {
  wss.handleUpgrade(req, socket, head, (ws) => {
    const path = req.url;
    const [, what, code, reason] = path.split('/').map(decodeURIComponent);
    ws.alive = true;
    ws.on('pong', () => { ws.alive = true; });
    ws.on('error', () => {});
    ws.on('close', (c, r) => log({ path, code: c, reason: r.toString() }));
    ws.on('message', (data, binary) => {
      const text = binary ? '' : data.toString();
      if (text === 'close') ws.close(Number(code), reason || '');
      else if (text === 'terminate') ws.terminate();
      else if (text === 'end') socket.end();
      else if (text === 'reset') socket.resetAndDestroy();
      else if (text === 'ping') ws.ping('are you there?');
      else if (what !== 'mute') ws.send(data.length > 1000 ? 'got ' + data.length : data, { binary });
    });
  });
});
server.listen(port, '0.0.0.0', () => log({ ready: true }));
