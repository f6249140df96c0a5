/** An upstream that costs almost nothing: one constant answer per request head, over raw sockets. Prints its port. */
import { createServer } from 'node:net';

const body = JSON.stringify([
  { number: 7, state: 'open', title: 'Tilte typo on the landing page', labels: ['bug'], user: { login: 'ada', id: 1 } },
]);
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\netag: W/"a1"\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
);
const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    let at = data.indexOf('\r\n\r\n');
    while (at >= 0) {
      socket.write(answer);
      at = data.indexOf('\r\n\r\n', at + 4);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' && address ? address.port : '');
});
