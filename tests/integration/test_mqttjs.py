"""MQTT.js, a client that we did not write: both versions, over TCP and WebSocket, all three QoS."""

import json
import os
import pathlib
import subprocess

from servers import ROOT, wait_for


def test_mqtt_js_connects_publishes_and_subscribes(stack, fresh_device):
    env = {**os.environ, "WEB": str(ROOT / "web"), "DEVICE": json.dumps(fresh_device),
           "TCP": f"mqtt://127.0.0.1:{stack.mqtt_port}", "WS": stack.url.replace("http", "ws") + "/mqtt"}
    done = subprocess.run(["node", str(pathlib.Path(__file__).with_name("mqttjs.mjs"))], env=env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result.pop("refused") == 134, "bad user name or password (MQTT 5.0, 3.2.2.2)"
    assert result == {name: {"granted": 1} for name in ("tcp-3.1.1", "tcp-5", "websocket-3.1.1", "websocket-5")}
    wait_for("twelve rows", lambda: stack.stored(fresh_device["device_id"]) == 12, 10)
