// MQTT.js against Pulse: 3.1.1 and 5, over TCP and WebSocket. Prints one JSON object of what happened.
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.WEB, 'package.json'));
const mqtt = require('mqtt');
const { TCP, WS, DEVICE } = process.env;
const device = JSON.parse(DEVICE);
const base = `tenant/${device.tenant_id}/device/${device.device_id}`;
const result = {};

for (const [name, url, protocolVersion] of [
  ['tcp-3.1.1', TCP, 4], ['tcp-5', TCP, 5], ['websocket-3.1.1', WS, 4], ['websocket-5', WS, 5]]) {
  const client = await mqtt.connectAsync(url, {
    protocolVersion, clientId: `js-${name}`, username: `${device.tenant_id}/${device.device_id}`,
    password: device.token, reconnectPeriod: 0, connectTimeout: 10_000,
  });
  const granted = await client.subscribeAsync(`${base}/commands`, { qos: 1 });
  for (const qos of [0, 1, 2])
    await client.publishAsync(`${base}/telemetry`, JSON.stringify({ metrics: { qos } }), { qos });
  result[name] = { granted: granted[0].qos };
  await client.endAsync();
}

const refused = await mqtt.connectAsync(TCP, {
  protocolVersion: 5, clientId: 'js-bad', username: `${device.tenant_id}/${device.device_id}`, password: 'wrong',
  reconnectPeriod: 0, connectTimeout: 10_000,
}).then(() => 'accepted', (e) => e.code);
console.log(JSON.stringify({ ...result, refused }));
