// A WebSocket server (node `ws`) whose behaviour is chosen by the path of the request; it logs what its library reports.
'use strict';
const { WebSocketServer } = require('ws');
const http = require('http');

const server = http.createServer();
const wss = new WebSocketServer({ noServer: true, maxPayload: 1000 });

server.on('upgrade', (req, socket, head) => {
  const path = req.url.split('?')[0];
  if (path === '/forbidden') {
    socket.end('HTTP/1.1 403 Forbidden\r\nServer: samples\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  wss.handleUpgrade(req, socket, head, (ws) => {
    ws.on('error', () => {});
    ws.on('close', (code, reason) => console.log(JSON.stringify({ path, code, reason: reason.toString() })));
    ws.on('message', (data, binary) => ws.send(data, { binary }));
    if (path === '/going-away') setTimeout(() => ws.close(1001, 'going away'), 200);
    if (path === '/fin') setTimeout(() => socket.end(), 200);
    if (path === '/reset') setTimeout(() => socket.resetAndDestroy(), 200);
    if (path === '/policy') setTimeout(() => ws.close(1008, 'token expired'), 200);
  });
});
server.listen(Number(process.argv[2]), process.argv[3] || '127.0.0.1', () => console.log('ready'));
