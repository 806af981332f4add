"""MQTT clients that we did not write: Paho, for the tests' conversations with the endpoint."""

import contextlib
import ssl
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


class Client:
    """A Paho client that remembers what it was told. Version 4 is MQTT 3.1.1, 5 is MQTT 5."""

    def __init__(self, stack, device, version=4, transport="tcp", client_id=None, password=None, username=None,
                 tls=False, clean=True, keepalive=60, will=None, receive_maximum=None, inflight=100,
                 certificate=None):
        """`certificate`: files of a certificate and its key, instead of user name and password."""
        self.stack, self.device = stack, device
        more = {"clean_session": clean} if version == 4 else {}
        self.client = paho.Client(client_id=client_id or f"paho-{device['device_id']}-{id(self):x}",
                                  protocol=paho.MQTTv5 if version == 5 else paho.MQTTv311, transport=transport, **more)
        self.version, self.keepalive, self.clean = version, keepalive, clean
        if not certificate or username or password:
            self.client.username_pw_set(username or f"{device['tenant_id']}/{device['device_id']}",
                                        device["token"] if password is None else password)
        self.client.max_inflight_messages_set(inflight)
        self.client.max_queued_messages_set(0)
        if transport == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if tls or certificate:
            own = {"certfile": str(certificate[0]), "keyfile": str(certificate[1])} if certificate else {}
            self.client.tls_set(ca_certs=str(stack.home / "cert.pem"), tls_version=ssl.PROTOCOL_TLS_CLIENT, **own)
        if will:
            self.client.will_set(*will)
        self.port = stack.port if transport == "websockets" else stack.mqtt_tls_port if tls or certificate else stack.mqtt_port
        self.properties = None
        if receive_maximum:
            self.properties = Properties(PacketTypes.CONNECT)
            self.properties.ReceiveMaximum = receive_maximum
        self.code = self.disconnect_code = None
        self.acknowledged, self.messages, self.granted = {}, [], None
        self.connected, self.gone, self.subscribed = threading.Event(), threading.Event(), threading.Event()
        self.acked = threading.Condition()
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.on_message = lambda _c, _u, m: self.messages.append(m)
        self.client.on_subscribe = self._on_subscribe

    def _on_connect(self, _client, _data, _flags, code, *_):
        self.code = getattr(code, "value", code)
        self.connected.set()

    def _on_disconnect(self, _client, _data, code, *_):
        self.disconnect_code = getattr(code, "value", code)
        self.gone.set()

    def _on_publish(self, _client, _data, mid, *_):
        with self.acked:
            self.acknowledged[mid] = True
            self.acked.notify_all()

    def _on_subscribe(self, _client, _data, _mid, codes, *_):
        self.granted = [getattr(c, "value", c) for c in codes]
        self.subscribed.set()

    def connect(self, seconds=10):
        """Connects and waits for the CONNACK; its code is `code`."""
        more = {"clean_start": self.clean, "properties": self.properties} if self.version == 5 else {}
        # One try: a client that is refused must not come again by itself.
        self.client.connect("localhost", self.port, self.keepalive, **more)
        self.client.loop_start()
        assert self.connected.wait(seconds), "no CONNACK"
        return self

    def publish(self, payload, kind="telemetry", qos=1, topic=None):
        topic = topic or f"tenant/{self.device['tenant_id']}/device/{self.device['device_id']}/{kind}"
        return self.client.publish(topic, payload, qos=qos)

    def wait_acknowledged(self, count, seconds=60):
        with self.acked:
            assert self.acked.wait_for(lambda: len(self.acknowledged) >= count, seconds), \
                f"{len(self.acknowledged)} of {count} acknowledged"

    def subscribe(self, topic, qos=1, seconds=10):
        self.subscribed.clear()
        self.client.subscribe(topic, qos)
        assert self.subscribed.wait(seconds), "no SUBACK"
        return self.granted

    def cut(self):
        """Breaks the connection without a DISCONNECT."""
        sock = self.client.socket()
        self.client.loop_stop()
        if sock:
            sock.close()

    def close(self):
        with contextlib.suppress(Exception):
            self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self.connect()

    def __exit__(self, *_):
        self.close()
