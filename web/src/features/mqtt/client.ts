// A connection of the test client: MQTT over WebSocket, as the chosen device.
import * as mqtt from './packets';

export type State = 'closed' | 'connecting' | 'connected';
export interface Entry {
  id: number;
  at: string;
  kind: 'in' | 'out' | 'note' | 'error';
  topic: string | null;
  text: string;
}

const refusals: Record<number, string> = {
  1: 'the protocol version is not spoken',
  2: 'the client id is refused',
  3: 'the server is unavailable',
  4: 'user name or password is wrong',
  5: 'not authorised: the device is out of service, or its password is wrong',
};

export interface Identity {
  url: string;
  clientId: string;
  username: string;
  password: string;
  /** What is subscribed to as soon as the connection stands. */
  filters: string[];
}

export class TestClient {
  private socket: WebSocket | null = null;
  private decoder = new mqtt.Decoder();
  private beat: ReturnType<typeof setInterval> | undefined;
  private nextId = 0;
  private entries = 0;

  constructor(
    private readonly onState: (state: State) => void,
    private readonly onEntry: (entry: Entry) => void,
  ) {}

  open(who: Identity): void {
    this.close();
    this.decoder = new mqtt.Decoder();
    const socket = new WebSocket(who.url, 'mqtt');
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    this.onState('connecting');
    socket.onopen = () => socket.send(mqtt.connect(who.clientId, who.username, who.password));
    socket.onmessage = (e: MessageEvent<ArrayBuffer>) => {
      try {
        for (const p of this.decoder.push(new Uint8Array(e.data))) this.took(p, who);
      } catch (error) {
        this.tell('error', null, error instanceof Error ? error.message : String(error));
        socket.close();
      }
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.ended();
      this.tell('note', null, 'Connection closed');
    };
  }

  close(): void {
    const socket = this.socket;
    if (!socket) return;
    if (socket.readyState === WebSocket.OPEN) socket.send(mqtt.disconnect());
    this.ended();
    socket.close();
    this.tell('note', null, 'Disconnected');
  }

  publish(topic: string, payload: string, qos: 0 | 1): void {
    const id = this.takeId();
    this.socket?.send(mqtt.publish(topic, payload, qos, id));
    this.tell('out', topic, payload);
  }

  private ended(): void {
    clearInterval(this.beat);
    this.socket = null;
    this.onState('closed');
  }

  private took(p: mqtt.Packet, who: Identity): void {
    if (p.type === 'connack') {
      if (p.code !== 0) {
        this.tell('error', null, `Refused: ${refusals[p.code] ?? `code ${p.code}`}`);
        return;
      }
      this.onState('connected');
      this.tell('note', null, `Connected as ${who.username}`);
      this.beat = setInterval(() => this.socket?.send(mqtt.ping()), (mqtt.keepAlive * 1000) / 2);
      this.socket?.send(mqtt.subscribe(who.filters, this.takeId()));
    } else if (p.type === 'publish') {
      if (p.qos === 1) this.socket?.send(mqtt.puback(p.id));
      this.tell('in', p.topic, new TextDecoder().decode(p.payload));
    } else if (p.type === 'puback') {
      this.tell('note', null, 'Stored: PUBACK');
    } else if (p.type === 'suback') {
      p.codes.forEach((code, i) =>
        code === 0x80
          ? this.tell('error', who.filters[i] ?? null, 'Subscription refused')
          : this.tell('note', who.filters[i] ?? null, 'Subscribed'),
      );
    }
  }

  private takeId(): number {
    this.nextId = (this.nextId % 0xffff) + 1;
    return this.nextId;
  }

  private tell(kind: Entry['kind'], topic: string | null, text: string): void {
    this.entries += 1;
    this.onEntry({ id: this.entries, at: new Date().toISOString(), kind, topic, text });
  }
}
