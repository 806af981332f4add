// Programs that send a first message as they stand: Python, Node, Arduino.
import type { CommandFacts } from './commands';

/** Text as a string of Python, JavaScript or C: JSON's escapes mean the same in all of them. */
const text = (s: string) => JSON.stringify(s);
const topic = (f: CommandFacts) => `tenant/${f.tenant}/device/${f.device}/telemetry`;
const payload = (f: CommandFacts) => JSON.stringify({ metrics: f.metrics });

/** Python with Paho 2 (pip install paho-mqtt). */
export function pythonCode(f: CommandFacts): string {
  return `import json
import paho.mqtt.client as mqtt

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=${text(f.clientId)})
client.username_pw_set(${text(`${f.tenant}/${f.device}`)}, ${text(f.password)})
client.connect(${text(f.connection.mqtt_host)}, ${f.connection.mqtt_port})
client.loop_start()
sent = client.publish(${text(topic(f))}, json.dumps(json.loads(${text(payload(f))})), qos=1)
sent.wait_for_publish(10)  # returns when Pulse has stored it
client.loop_stop()
client.disconnect()
`;
}

/** Node with MQTT.js 5 (npm install mqtt). */
export function nodeCode(f: CommandFacts): string {
  const url = `mqtt://${f.connection.mqtt_host}:${f.connection.mqtt_port}`;
  return `import mqtt from 'mqtt';

const client = await mqtt.connectAsync(${text(url)}, {
  clientId: ${text(f.clientId)},
  username: ${text(`${f.tenant}/${f.device}`)},
  password: ${text(f.password)},
});
const message = ${payload(f)};
await client.publishAsync(${text(topic(f))}, JSON.stringify(message), { qos: 1 });
await client.endAsync(); // the message is stored
`;
}

/** Arduino on an ESP32 with the library MQTT by Joël Gähwiler. */
export function arduinoCode(f: CommandFacts): string {
  return `#include <WiFi.h>
#include <MQTT.h>

WiFiClient net;
MQTTClient client(1024);

void setup() {
  Serial.begin(115200);
  WiFi.begin("WIFI_NAME", "WIFI_PASSWORD");
  while (WiFi.status() != WL_CONNECTED) delay(250);
  client.begin(${text(f.connection.mqtt_host)}, ${f.connection.mqtt_port}, net);
}

void loop() {
  client.loop();
  if (!client.connected() &&
      !client.connect(${text(f.clientId)}, ${text(`${f.tenant}/${f.device}`)}, ${text(f.password)})) {
    delay(5000);
    return;
  }
  // true when Pulse has stored it; otherwise keep the message and send it again
  bool stored = client.publish(${text(topic(f))}, ${text(payload(f))}, false, 1);
  Serial.println(stored ? "stored" : "not taken");
  delay(30000);
}
`;
}
